// Knows: every step that works on completions, by its family and name.
import { compareMembers } from '../comparing-rows/index.ts'
import { rewriters } from '../completing/index.ts'
import { judgeMembers } from '../judging/index.ts'
import { tagMembers } from '../tagging/index.ts'
import type { StageMember } from './stage.ts'

export const stageMembers: readonly StageMember[] = [
  ...rewriters,
  ...judgeMembers,
  ...compareMembers,
  ...tagMembers,
]

/** The step on completions that a recipe calls `family: name`, but for filters and keep steps. */
export const findStage = (family: string, name: string): StageMember | undefined =>
  stageMembers.find((member) => member.family === family && member.name === name)
