// Knows: the steps on prompts after a grow step: filters drop some, tags add fields; and that a grow step can replace what it grew from. What
// they decide is stored at once at the end, so a resumed run does them again, from the journal.
// Must not know: any one step.
import { dropped, failureReason, kept, type StepDecision } from '../../domain/filter-decision.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { REPLACED } from '../../pipeline/growing/growth.ts'
import type { PlacedGrow, PromptStage } from '../../pipeline/recipes/read-steps.ts'
import type { StageOutcome } from '../../pipeline/stages/stage.ts'
import { withPauses } from '../executing/breather.ts'
import { stageContext, type RunContext } from './run-context.ts'

export const isAccepted = ({ status }: Prompt): boolean => status === 'accepted'

/** The prompts that a grow step grew from, dropped because it replaces them. */
export function dropReplaced(
  { live }: RunContext,
  grow: PlacedGrow | undefined,
  prompts: readonly Prompt[],
): readonly Prompt[] {
  if (grow === undefined) return []
  const { index: step, name } = grow
  const isOwn = ({ origin }: Prompt): boolean => origin.kind === 'grown' && origin.step === step
  return prompts
    .filter((prompt) => isAccepted(prompt) && !isOwn(prompt))
    .map((prompt) => {
      const changed = withDecisions(prompt, [{ step, name, decision: dropped(REPLACED) }])
      live.tally.countPrompt(prompt, -1)
      live.tally.countPrompt(changed)
      return changed
    })
}

/** What these steps make of the accepted prompts, in their order, with their decisions; undefined when stopped before the end. */
export async function siftPrompts(
  context: RunContext,
  stages: readonly PromptStage[],
  prompts: readonly Prompt[],
): Promise<readonly Prompt[] | undefined> {
  if (stages.length === 0) return []
  const decided = new Map(prompts.filter(isAccepted).map((prompt) => [prompt.id, prompt]))
  const change = (prompt: Prompt): void => {
    const before = decided.get(prompt.id)
    if (before !== undefined) context.live.tally.countPrompt(before, -1)
    context.live.tally.countPrompt(prompt)
    decided.set(prompt.id, prompt)
  }
  for (const stage of stages) {
    const left = [...decided.values()].filter(isAccepted)
    if (stage.kind === 'filters') await filterPrompts(stage, left, change)
    else if (!(await tagPrompts(context, stage, left, change))) return undefined
  }
  return [...decided.values()]
}

const withDecisions = (prompt: Prompt, decisions: readonly StepDecision[]): Prompt => ({
  ...prompt,
  decisions: [...prompt.decisions, ...decisions],
  status: findDrop(decisions) ? 'dropped' : 'accepted',
})

async function filterPrompts(
  { filters }: Extract<PromptStage, { readonly kind: 'filters' }>,
  prompts: readonly Prompt[],
  change: (prompt: Prompt) => void,
): Promise<void> {
  const bank = new FilterBank(filters)
  await withPauses(prompts, (prompt) => {
    const decisions = bank.decide({
      prompt: '',
      completion: prompt.text,
      finishReason: 'end',
      ...(prompt.fields ? { fields: prompt.fields } : {}),
    })
    change(withDecisions(prompt, decisions))
  })
}

/** False when stopped before the end. */
async function tagPrompts(
  context: RunContext,
  { index, name, settings, member }: Extract<PromptStage, { readonly kind: 'member' }>,
  prompts: readonly Prompt[],
  change: (prompt: Prompt) => void,
): Promise<boolean> {
  const { executor, live } = context
  live.enter(index, 0, prompts.length)
  const stageOf = stageContext(context, index)
  return executor.each<Prompt, never, Pick<StageOutcome, 'decision' | 'fields'>>({
    items: prompts,
    program: (prompt) => member.ofPrompts.each(prompt, settings, stageOf),
    onEnd: (prompt, { decision = kept(), fields }, { made }) => {
      const decided = withDecisions(prompt, [{ step: index, name, decision }])
      change(fields ? { ...decided, fields: { ...decided.fields, ...fields } } : decided)
      live.count(1, made > 0)
    },
    // One bad prompt ends no run.
    onFailure: (prompt, reason) => {
      change(withDecisions(prompt, [{ step: index, name, decision: dropped(failureReason(reason)) }]))
      live.count(1)
    },
  })
}
