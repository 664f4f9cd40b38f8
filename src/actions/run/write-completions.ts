// Knows: the second phase: a completion for every planned row, stored as it ends, and the filters' decisions on it. Filters that
// compare rows decide in the rows' order, whatever order the completions end in.
import { dropped } from '../../domain/filter-decision.ts'
import type { RowId } from '../../domain/id.ts'
import type { CompletionResult } from '../../domain/completion-request.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row } from '../../domain/row.ts'
import { findNoResponse, planCompletions, type PlannedRow } from '../../pipeline/completing/complete.ts'
import { referencesOf, referenceFor, type References } from '../../pipeline/filters/references.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { complete } from '../../pipeline/programs/program.ts'
import { eachRow } from '../../storage/rows.ts'
import { eachSeed } from '../../storage/seeds.ts'
import type { RunContext } from './run-context.ts'
import { applyDecisions } from './row-status.ts'

type CompletionReply = Omit<CompletionResult, 'id'>

/** What the phase holds of a row: enough to filter it and to count it. */
type HeldRow = Pick<Row, 'decisions'> & { readonly row: Row }

/** Runs the phase; false when stopped before the end. */
export async function writeCompletions(context: RunContext, prompts: readonly Prompt[]): Promise<boolean> {
  const {
    machines: { db },
    projectId,
    runId,
    recipe,
    steps,
    ref,
    live,
    executor,
    writer,
  } = context
  const planned = planCompletions({
    prompts,
    settings: steps.complete.settings,
    rngSeed: recipe.rngSeed,
    teacher: ref,
  })
  const written = new Set<RowId>()
  const filters = new FilterStage(context, planned, await readReferences(context))
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      written.add(row.id)
      live.tally.countRow(row)
      filters.restore(row)
    }
  }
  live.expected.prompts = prompts.length
  live.expected.written = written.size
  live.enter('completing', written.size, planned.length)
  filters.decideReady()

  const ended = await executor.each<PlannedRow, never, CompletionReply>({
    items: planned.filter(({ id }) => !written.has(id)),
    program: ({ request }) => complete('teacher', request),
    onEnd: (plan, result, { made }) => {
      live.expected.written += 1
      filters.add(makeRow(context, plan, result))
      live.count(1, made > 0)
    },
  })
  if (ended) await writer.drain()
  return ended
}

/** Reference answers of the seeds, if a filter compares with them. */
async function readReferences({ machines: { db }, projectId, steps }: RunContext): Promise<References> {
  const references = new Map<string, string>()
  if (!steps.filters.some(({ member }) => member.usesReference)) return references
  for await (const page of eachSeed(db, projectId))
    for (const [text, answer] of referencesOf(page)) references.set(text, answer)
  return references
}

function makeRow(
  { projectId, runId, ref, steps, machines }: RunContext,
  plan: PlannedRow,
  result: CompletionReply,
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
    completion: {
      text: result.text.trim(),
      finishReason: result.finishReason,
      tokens: result.tokens,
      teacher: ref,
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
  // The teacher could not complete it: dropped by the complete step, with the reason.
  const { index, name } = steps.complete
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
  readonly #planned: readonly PlannedRow[]
  readonly #bank: FilterBank
  readonly #references: References
  readonly #waiting = new Map<RowId, HeldRow>()
  #next = 0

  constructor(context: RunContext, planned: readonly PlannedRow[], references: References) {
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
      this.#context.writer.put(row)
      live.tally.countRow(row)
      this.#waiting.set(row.id, { row, decisions: row.decisions })
      this.decideReady()
      return
    }
    const decided = this.#decide(row)
    this.#context.writer.put(decided)
    live.tally.countRow(decided)
    this.#countPassed(decided)
  }

  /** Decides the next rows in order, as far as all rows before them are there. */
  decideReady(): void {
    for (;;) {
      const plan = this.#planned[this.#next]
      const held = plan && this.#waiting.get(plan.id)
      if (plan === undefined || held === undefined) return
      this.#waiting.delete(plan.id)
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
      ...referenceFor(row.prompt, this.#references),
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
    this.#context.writer.change(row.id, (stored) =>
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
