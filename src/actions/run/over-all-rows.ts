// Knows: how a step that sees all rows is run, and filters that decide in the rows' order: over ids and what the step needs of each row, so
// that 100,000 rows fit into memory, in parts that leave the page's thread free. A resumed run does it again, from the journal.
// Must not know: any one step.
import {
  droppedByFailure,
  kept,
  type FilterDecision,
  type StepDecision,
} from '../../domain/filter-decision.ts'
import { contentId, type RowId } from '../../domain/id.ts'
import type { Preference } from '../../domain/preference.ts'
import type { Row } from '../../domain/row.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { referenceOf, type PromptReferences } from '../../pipeline/filters/references.ts'
import type { PlacedStage } from '../../pipeline/recipes/read-steps.ts'
import type { ComparedRows, TogetherMember } from '../../pipeline/stages/stage.ts'
import { Breather } from '../executing/breather.ts'
import { beforeStep, isDecided, toStageRow } from './reached.ts'
import { applyDecisions } from './row-status.ts'
import { inChunks, ROWS_PER_PAGE, ROWS_PER_WRITE, stageContext, type RunContext } from './run-context.ts'

/** Runs a step that sees all rows; false when stopped before the end. */
export async function allRowsOf(
  context: RunContext,
  { index, name, settings }: Pick<PlacedStage & { kind: 'member' }, 'index' | 'name' | 'settings'>,
  member: TogetherMember,
  references: PromptReferences,
): Promise<boolean> {
  const { store, live, executor } = context
  const reached: Reached[] = []
  /** Of the rows that could be held; `places` has their index among those that reached the step. */
  const held: unknown[] = []
  const places: number[] = []
  /** Of all rows that reached the step. */
  const decisions: FilterDecision[] = []
  await eachReached(context, index, (before, isOpen) => {
    const at = reached.push({ id: before.id, promptId: before.promptId, isOpen }) - 1
    try {
      held.push(member.hold(toStageRow(before, references), settings))
      places.push(at)
    } catch (thrown) {
      decisions[at] = droppedByFailure(thrown) // one bad row ends no run
    }
  })
  const mustDecide = reached.some(({ isOpen }) => isOpen)
  live.enter(index, mustDecide ? 0 : reached.length, reached.length)
  if (!mustDecide) return true
  const progress = new ShareOfRows(live, reached.length)
  const ended = await executor.together(
    member.title,
    () => member.together(held, settings, stageContext(context, index)),
    undefined,
    (share, { made }) => progress.add(share, made),
  )
  if (ended.stopped) return false
  const { decisions: made, similar, preferences = [] } = ended.outcome
  places.forEach((at, i) => (decisions[at] = made[i] ?? kept()))
  const rowAt = (i: number): Reached | undefined => reached[places[i] ?? -1]
  for (const chunk of inChunks(preferences, ROWS_PER_WRITE))
    await store.putPreferences(chunk.flatMap((one) => preferenceOf(context, index, one, rowAt)))
  const likes = new Map<number, { readonly id: RowId; readonly score: number }>()
  for (const [i, { to, score }] of similar ?? []) {
    const [at, like] = [places[i], rowAt(to)]
    if (at !== undefined && like !== undefined) likes.set(at, { id: like.id, score })
  }
  for (let from = 0; from < reached.length; from += ROWS_PER_WRITE) {
    const some = reached.slice(from, from + ROWS_PER_WRITE)
    const ids = new Set(some.flatMap((_, i) => likes.get(from + i)?.id ?? []))
    const texts = new Map((await store.readRows([...ids])).map((row) => [row.id, row.completion.text]))
    some.forEach(({ id, isOpen }, i) => {
      const decision = decisions[from + i]
      if (!isOpen || decision === undefined) return
      const like = likes.get(from + i)
      const text = like && texts.get(like.id)
      const whole =
        like === undefined || text === undefined || decision.kind === 'kept'
          ? decision
          : { ...decision, nearest: { text, score: like.score } }
      addDecisions(context, id, [{ step: index, name, decision: whole }], index)
    })
    await store.drain()
  }
  live.count(reached.length - progress.counted, false)
  return true
}

/** Counts the rows that a step sees as far as its program is, before it decides on any. */
class ShareOfRows {
  /** Rows counted so far; the last one is counted when all are decided. */
  counted = 0
  readonly #live: RunContext['live']
  readonly #rows: number
  #share = 0
  #made = 0

  constructor(live: RunContext['live'], rows: number) {
    this.#live = live
    this.#rows = rows
  }

  /** `made`: calls that machines made so far; rows without a new one take no time. */
  add(share: number, made: number): void {
    this.#share += share
    const units = Math.min(Math.floor(this.#share * this.#rows), this.#rows - 1) - this.counted
    if (units <= 0) return
    this.counted += units
    this.#live.count(units, made > this.#made)
    this.#made = made
  }
}

/** A comparison of two rows as it is stored. */
function preferenceOf(
  { projectId, runId }: RunContext,
  step: number,
  { first, second, rubric, verdict }: ComparedRows,
  rowAt: (index: number) => Reached | undefined,
): Preference[] {
  const [one, other] = [rowAt(first), rowAt(second)]
  if (one === undefined || other === undefined) return []
  const id = contentId('preference', [runId, step, one.id, other.id])
  const { promptId } = one
  return [{ projectId, runId, id, promptId, step, first: one.id, second: other.id, rubric, verdict }]
}

/** Decides with filters that come after another step on completions, in the rows' order. */
export async function filterRows(
  context: RunContext,
  { index, filters }: Extract<PlacedStage, { readonly kind: 'filters' }>,
  references: PromptReferences,
): Promise<boolean> {
  const { store, live, executor } = context
  let reached = 0
  let open = 0
  await eachReached(context, index, (_, isOpen) => {
    reached += 1
    if (isOpen) open += 1
  })
  live.enter(index, open === 0 ? reached : 0, reached)
  if (open === 0) return true
  const bank = new FilterBank(filters)
  const breather = new Breather()
  for await (const page of store.rows(ROWS_PER_PAGE)) {
    let done = 0
    for (const row of page) {
      if (beforeStep(context, row, index) === undefined) continue
      done += 1
      const { promptId, prompt, completion, fields } = row
      const decisions = bank.decide({
        prompt,
        completion: completion.text,
        finishReason: completion.finishReason,
        ...(fields ? { fields } : {}),
        ...referenceOf(promptId, references),
      })
      if (!isDecided(row, index)) addDecisions(context, row.id, decisions, index + filters.length - 1)
      if (breather.isDue) await breather.pause()
    }
    await store.drain()
    live.count(done)
    if (!(await executor.mayContinue())) return false
  }
  return true
}

/** A row that reached a step. */
interface Reached extends Pick<Row, 'id' | 'promptId'> {
  /** The step has not decided on it yet. */
  readonly isOpen: boolean
}

/** Passes the rows that reached a step in order, each as it was then, and whether the step has to decide on it. */
async function eachReached(
  context: RunContext,
  step: number,
  take: (before: Row, isOpen: boolean) => void,
): Promise<void> {
  const breather = new Breather()
  for await (const page of context.store.rows(ROWS_PER_PAGE)) {
    for (const row of page) {
      const before = beforeStep(context, row, step)
      if (before !== undefined) take(before, !isDecided(row, step))
      if (breather.isDue) await breather.pause()
    }
  }
}

/** Stores decisions of steps up to `last` on a row that has none of them. */
function addDecisions(
  { store, live }: RunContext,
  id: RowId,
  made: readonly StepDecision[],
  last: number,
): void {
  const drop = findDrop(made)
  live.tally.countDecisions(made)
  store.change(id, (row) => {
    // A later step may have decided already: then this one kept the row.
    const later = row.decisions.filter(({ step }) => step > last)
    return applyDecisions(row, {
      decisions: [...row.decisions.filter(({ step }) => step <= last), ...made, ...later],
      ...(drop ? { droppedBy: drop.name } : {}),
      status: drop ? 'dropped' : 'pending',
    })
  })
}
