// Knows: the phases of a run, in order.
// Must not know: how a run is stored, started and resumed.
import type { Prompt } from '../../domain/prompt.ts'
import { growPrompts } from './grow-prompts.ts'
import { keepRows } from './keep-rows.ts'
import { probeJudge } from './probe-judge.ts'
import type { RunContext } from './run-context.ts'
import { runStage } from './run-stage.ts'
import { readReferences, writeCompletions } from './write-completions.ts'

/** Runs the phases in order; undefined when stopped before the end. */
export async function runPhases(context: RunContext): Promise<{ rows: number; kept: number } | undefined> {
  const prompts = await growPrompts(context)
  return prompts === undefined ? undefined : completeAndKeep(context, prompts)
}

/** The phases after growing. */
export async function completeAndKeep(
  context: RunContext,
  prompts: readonly Prompt[],
): Promise<{ rows: number; kept: number } | undefined> {
  const { steps, limit } = context
  if (!(await writeCompletions(context, prompts))) return undefined
  const references = await readReferences(context, prompts)
  // Rows that a step adds come after all rows before it.
  let rows = prompts.length * (steps.completers[0]?.place.perPrompt ?? 0)
  for (const stage of steps.stages) {
    if (!(await runStage(context, stage, references, rows))) return undefined
    if (stage.kind === 'member' && 'each' in stage.member)
      rows *= 1 + (stage.member.countTexts?.(stage.settings) ?? 0)
  }
  if (limit === undefined && !(await probeJudge(context))) return undefined
  return keepRows(context)
}
