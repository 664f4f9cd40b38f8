// Knows: the second phase: a completion for every planned row, stored as it ends, and the decisions of the filters that follow. Filters that
// compare rows decide in the rows' order, whatever order the completions end in.
import { dropped, failureReason } from '../../domain/filter-decision.ts'
import type { PromptId, RowId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { PERSON } from '../../domain/people.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { rowId, type Row } from '../../domain/row.ts'
import { GREEDY } from '../../domain/sampling.ts'
import { findNoResponse } from '../../pipeline/completing/complete.ts'
import type { PlannedRow, Written } from '../../pipeline/completing/completer.ts'
import {
  referenceOf,
  referencesOf,
  referencesOfPrompts,
  type PromptReferences,
} from '../../pipeline/filters/references.ts'
import type { Program } from '../../pipeline/programs/program.ts'
import type { PlacedCompleter } from '../../pipeline/recipes/read-steps.ts'
import { Breather } from '../executing/breather.ts'
import { inChunks, ROWS_PER_PAGE, stageContext, type RunContext } from './run-context.ts'
import { FilterStage } from './filter-stage.ts'

/** A planned row with what writes it. */
interface Work {
  readonly row: PlannedRow
  readonly step: PlacedCompleter
  readonly model: ModelRef
  readonly write: () => Program<Written>
}

/** What is stored of a completion that could not be written. */
const NOTHING: Written = { text: '', finishReason: 'aborted', tokens: 0 }

/** Runs the phase; false when stopped before the end. */
export async function writeCompletions(context: RunContext, prompts: readonly Prompt[]): Promise<boolean> {
  const { store, live, executor, steps, limit } = context
  const references = await readReferences(context, prompts)
  const written = new Map<PromptId, RowId[]>()
  let done = 0
  const filters = new FilterStage(context, references)
  const first = steps.completers[0]?.index
  const breather = new Breather()
  for await (const page of store.rows(ROWS_PER_PAGE)) {
    for (const row of page) {
      live.tally.countRow(row)
      if (breather.isDue) await breather.pause()
      if (!isCompleted(context, row.step ?? first)) continue
      const ofPrompt = written.get(row.promptId)
      if (ofPrompt) ofPrompt.push(row.id)
      else written.set(row.promptId, [row.id])
      done += 1
      filters.restore(row)
    }
  }
  live.expected.prompts = prompts.length
  live.expected.written = done
  const planned = prompts.length * countPerPrompt(context)
  live.enter('completing', done, Math.min(planned, limit?.rows ?? planned))

  const end = (work: Work, result: Written, isWorked: boolean): void => {
    live.expected.written += 1
    filters.add(makeRow(context, work, result))
    live.count(1, isWorked)
  }
  const ended = await executor.each<Work, never, Written>({
    items: planWork(context, prompts, references, written),
    program: ({ write }) => write(),
    onEnd: (work, result, { made }) => end(work, result, made > 0),
    // One bad row ends no run.
    onFailure: (work, reason) => end(work, { ...NOTHING, refusal: failureReason(reason) }, true),
  })
  await filters.settle()
  if (ended) await store.drain()
  return ended
}

/** Whether the step is one that completes prompts. */
const isCompleted = ({ steps }: RunContext, step: number | undefined): boolean =>
  steps.completers.some(({ index }) => index === step)

/** Rows that all complete steps write of a prompt. */
const countPerPrompt = ({ steps }: RunContext): number => steps.completers[0]?.place.perPrompt ?? 0

/**
 * The rows of all complete steps that are not written, in order. Each prompt's are planned when they are needed: the plans of all of them
 * would take as much memory as the rows, and as long as no page may be busy.
 */
function* planWork(
  context: RunContext,
  prompts: readonly Prompt[],
  references: PromptReferences,
  written: ReadonlyMap<PromptId, readonly RowId[]>,
): Generator<Work> {
  const perPrompt = countPerPrompt(context)
  const maxRows = context.limit?.rows ?? Infinity
  for (const [first, prompt] of prompts.entries()) {
    if (first * perPrompt >= maxRows) return
    const known = written.get(prompt.id) ?? []
    if (known.length >= perPrompt) continue
    const whole = { ...prompt, ...referenceOf(prompt.id, references) }
    for (const step of context.steps.completers)
      for (const work of planPrompt(context, step, whole, first))
        if (work.row.order < maxRows && !known.includes(work.row.id)) yield work
  }
}

/** The rows that a step writes of a prompt; if it cannot plan them, as many that fail with the reason. */
function planPrompt(
  context: RunContext,
  step: PlacedCompleter,
  prompt: Prompt,
  first: number,
): readonly Work[] {
  const { member, settings, place, index } = step
  const role = member.roleOf(settings)
  const model = role === undefined ? PERSON : stageContext(context, index).modelOf(role).ref
  try {
    return member
      .plan({ prompts: [prompt], settings, rngSeed: context.recipe.rngSeed, teacher: model, first, place })
      .map((row) => ({ row, step, model, write: () => member.write(row, settings, prompt) }))
  } catch (thrown) {
    return Array.from({ length: member.countRows(settings) }, (_, variant) => ({
      row: {
        id: rowId({ prompt: prompt.id, variant, unplanned: index }),
        promptId: prompt.id,
        seedId: prompt.seedId,
        prompt: prompt.text,
        ...(prompt.earlier ? { earlier: prompt.earlier } : {}),
        variant,
        order: first * place.perPrompt + place.offset + variant,
        system: '',
        sampling: { ...GREEDY, maxTokens: 0, rngSeed: '' },
      },
      step,
      model,
      write: () => {
        throw thrown
      },
    }))
  }
}

/** Reference answers of these prompts; none if no step reads them. */
export async function readReferences(
  { store, steps }: RunContext,
  prompts: readonly Prompt[],
): Promise<PromptReferences> {
  const isUsed =
    steps.completers.some(({ member, settings }) => member.roleOf(settings) === undefined) ||
    [
      ...steps.filters,
      ...steps.stages.flatMap((stage) => (stage.kind === 'filters' ? stage.filters : [])),
    ].some(({ member }) => member.usesReference)
  if (!isUsed) return new Map()
  const answers = new Map<string, string>()
  for await (const page of store.seeds())
    for (const [text, answer] of referencesOf(page)) answers.set(text, answer)
  const references = new Map<PromptId, string>()
  const breather = new Breather()
  for (const chunk of inChunks(prompts, ROWS_PER_PAGE)) {
    for (const [id, answer] of referencesOfPrompts(chunk, answers)) references.set(id, answer)
    if (breather.isDue) await breather.pause()
  }
  return references
}

function makeRow(
  { projectId, runId, machines, steps }: RunContext,
  { row: plan, step, model }: Work,
  result: Written,
): Row {
  const row: Row = {
    projectId,
    runId,
    id: plan.id,
    promptId: plan.promptId,
    seedId: plan.seedId,
    prompt: plan.prompt,
    ...(plan.earlier ? { earlier: plan.earlier } : {}),
    ...(plan.fields ? { fields: plan.fields } : {}),
    variant: plan.variant,
    order: plan.order,
    ...(step === steps.completers[0] ? {} : { step: step.index }),
    completion: {
      text: result.text.trim(),
      finishReason: result.finishReason,
      tokens: result.tokens,
      teacher: model,
      system: plan.system,
      sampling: plan.sampling,
      ...(result.reasoning === undefined ? {} : { reasoning: result.reasoning }),
      writtenAt: machines.now(),
    },
    decisions: [],
    status: 'pending',
  }
  const refusal = findNoResponse(result)
  if (refusal === undefined) return row
  // It could not be completed: dropped by the complete step, with the reason.
  const { index, name } = step
  return {
    ...row,
    decisions: [{ step: index, name, decision: dropped(refusal) }],
    droppedBy: name,
    status: 'dropped',
  }
}
