// Knows: the members of the tag family: steps that add a named value to each row.
import type { EachMember } from '../stages/stage.ts'
import { template } from './template.ts'

export const tagMembers: readonly EachMember[] = [template]
