// Knows: the members of the compare family: steps that see all rows.
import type { TogetherMember } from '../stages/stage.ts'
import { exactDuplicates } from './exact-duplicates.ts'
import { pairwise } from './pairwise.ts'
import { semanticDuplicates } from './semantic-duplicates.ts'

export const compareMembers: readonly TogetherMember[] = [exactDuplicates, semanticDuplicates, pairwise]
