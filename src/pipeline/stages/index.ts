// Knows: every step that works on completions, by its family and name.
import { compareMembers } from '../comparing-rows/index.ts'
import { rewriters } from '../completing/index.ts'
import { judgeMembers } from '../judging/index.ts'
import { tagMembers } from '../tagging/index.ts'
import type { PromptWork, StageMember } from './stage.ts'

export const stageMembers: readonly StageMember[] = [
  ...rewriters,
  ...judgeMembers,
  ...compareMembers,
  ...tagMembers,
]

/** The step on completions that a recipe calls `family: name`, but for filters and keep steps. */
export const findStage = (family: string, name: string): StageMember | undefined =>
  stageMembers.find((member) => member.family === family && member.name === name)

/** What this step does before the complete step; undefined if it works on completions alone. */
export function findPromptWork(family: string, name: string): PromptWork | undefined {
  const member = findStage(family, name)
  return member !== undefined && 'each' in member ? member.ofPrompts : undefined
}
