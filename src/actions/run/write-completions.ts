// Knows: the second phase: a completion for every planned row, stored as it ends, and the decisions of the filters that follow. Filters that
// compare rows decide in the rows' order, whatever order the completions end in.
import { dropped } from '../../domain/filter-decision.ts'
import type { RowId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { PERSON } from '../../domain/people.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row } from '../../domain/row.ts'
import { findNoResponse } from '../../pipeline/completing/complete.ts'
import type { PlannedRow, Written } from '../../pipeline/completing/completer.ts'
import {
  referenceOf,
  referencesOf,
  referencesOfPrompts,
  type PromptReferences,
} from '../../pipeline/filters/references.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import type { Program } from '../../pipeline/programs/program.ts'
import type { PlacedCompleter } from '../../pipeline/recipes/read-steps.ts'
import { stageContext, type RunContext } from './run-context.ts'
import { applyDecisions } from './row-status.ts'

/** A planned row with what writes it. */
interface Work {
  readonly row: PlannedRow
  readonly step: PlacedCompleter
  readonly model: ModelRef
  readonly write: () => Program<Written>
}

/** What the phase holds of a row: enough to filter it and to count it. */
type HeldRow = Pick<Row, 'decisions'> & { readonly row: Row }

/** Runs the phase; false when stopped before the end. */
export async function writeCompletions(context: RunContext, prompts: readonly Prompt[]): Promise<boolean> {
  const { store, live, executor } = context
  const references = await readReferences(context, prompts)
  const planned = planWork(context, prompts, references)
  const written = new Set<RowId>()
  const filters = new FilterStage(context, planned, references)
  const first = context.steps.completers[0]?.index
  for await (const page of store.rows()) {
    for (const row of page) {
      live.tally.countRow(row)
      if (!isCompleted(context, row.step ?? first)) continue
      written.add(row.id)
      filters.restore(row)
    }
  }
  live.expected.prompts = prompts.length
  live.expected.written = written.size
  live.enter('completing', written.size, planned.length)
  filters.decideReady()

  const ended = await executor.each<Work, never, Written>({
    items: planned.filter(({ row }) => !written.has(row.id)),
    program: ({ write }) => write(),
    onEnd: (work, result, { made }) => {
      live.expected.written += 1
      filters.add(makeRow(context, work, result))
      live.count(1, made > 0)
    },
  })
  if (ended) await store.drain()
  return ended
}

/** Whether the step is one that completes prompts. */
const isCompleted = ({ steps }: RunContext, step: number | undefined): boolean =>
  steps.completers.some(({ index }) => index === step)

/** The rows of all complete steps, in order. */
function planWork(context: RunContext, prompts: readonly Prompt[], references: PromptReferences): Work[] {
  const { steps, recipe, limit } = context
  const known = prompts.map((prompt) => ({ ...prompt, ...referenceOf(prompt.id, references) }))
  const works = steps.completers.flatMap((step): Work[] => {
    const { member, settings, place, index } = step
    const role = member.roleOf(settings)
    const model = role === undefined ? PERSON : stageContext(context, index).modelOf(role).ref
    const byId = new Map(known.map((prompt) => [prompt.id, prompt]))
    return member
      .plan({ prompts: known, settings, rngSeed: recipe.rngSeed, teacher: model, place })
      .map((row) => ({
        row,
        step,
        model,
        write: () => {
          const prompt = byId.get(row.promptId)
          if (prompt === undefined) throw new TypeError(`row ${row.id} has no prompt`)
          return member.write(row, settings, prompt)
        },
      }))
  })
  const inOrder = works.toSorted((a, b) => a.row.order - b.row.order)
  return limit === undefined ? inOrder : inOrder.slice(0, limit.rows)
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
  return referencesOfPrompts(prompts, answers)
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

/** Passes rows through the filters: at once, or in their order if filters compare rows. */
class FilterStage {
  readonly #context: RunContext
  readonly #planned: readonly Work[]
  readonly #bank: FilterBank
  readonly #references: PromptReferences
  readonly #waiting = new Map<RowId, HeldRow>()
  #next = 0

  constructor(context: RunContext, planned: readonly Work[], references: PromptReferences) {
    this.#context = context
    this.#planned = planned
    this.#references = references
    this.#bank = new FilterBank(context.steps.filters)
  }

  /** Restores a stored row of an earlier part of the run. */
  restore(row: Row): void {
    this.#countPassed(row)
    if (this.#bank.comparesRows) this.#waiting.set(row.id, { row, decisions: row.decisions })
    else if (this.#needsDecisions(row)) this.#decideStored(row)
  }

  /** Adds a row that has just been completed. */
  add(row: Row): void {
    const { live } = this.#context
    if (this.#bank.comparesRows) {
      this.#context.store.put(row)
      live.tally.countRow(row)
      this.#waiting.set(row.id, { row, decisions: row.decisions })
      this.decideReady()
      return
    }
    const decided = this.#decide(row)
    this.#context.store.put(decided)
    live.tally.countRow(decided)
    this.#countPassed(decided)
  }

  /** Decides the next rows in order, as far as all rows before them are there. */
  decideReady(): void {
    for (;;) {
      const plan = this.#planned[this.#next]
      const held = plan && this.#waiting.get(plan.row.id)
      if (plan === undefined || held === undefined) return
      this.#waiting.delete(plan.row.id)
      this.#next += 1
      if (this.#needsDecisions(held.row)) this.#decideStored(held.row)
      else if (findDrop(held.row.decisions) === undefined)
        this.#bank.remember({ completion: held.row.completion.text })
    }
  }

  #needsDecisions(row: Row): boolean {
    return this.#context.steps.filters.length > 0 && row.decisions.length === 0
  }

  #decide(row: Row): Row {
    if (!this.#needsDecisions(row)) return row
    const decisions = this.#bank.decide({
      prompt: row.prompt,
      completion: row.completion.text,
      finishReason: row.completion.finishReason,
      ...referenceOf(row.promptId, this.#references),
    })
    const drop = findDrop(decisions)
    return applyDecisions(
      row,
      drop ? { decisions, droppedBy: drop.name, status: 'dropped' } : { decisions, status: 'pending' },
    )
  }

  /** Decides a row that is stored, or about to be. */
  #decideStored(row: Row): void {
    const decided = this.#decide(row)
    const { tally } = this.#context.live
    tally.countRow(row, -1)
    tally.countRow(decided)
    this.#countPassed(decided)
    const { decisions, droppedBy, status } = decided
    this.#context.store.change(row.id, (stored) =>
      applyDecisions(stored, {
        decisions,
        status: status === 'rejected' ? (decided.rejectedByHand?.before ?? 'pending') : status,
        ...(droppedBy === undefined ? {} : { droppedBy }),
      }),
    )
  }

  #countPassed(row: Row): void {
    if (!this.#needsDecisions(row) && findDrop(row.decisions) === undefined)
      this.#context.live.expected.passed += 1
  }
}
