// Knows: the members of the judge family.
import type { EachMember } from '../stages/stage.ts'
import { rubric } from './rubric.ts'

export const judgeMembers: readonly EachMember[] = [rubric]
