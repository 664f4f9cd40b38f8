// Knows: how a step on completions is run over the rows that reached it: row by row, stored as each ends, or over all of them at once. A
// resumed run does what is left of the first kind, and the second kind again, from the journal.
// Must not know: any one step.
import { kept, type StepDecision } from '../../domain/filter-decision.ts'
import { contentId, type RowId } from '../../domain/id.ts'
import type { Preference } from '../../domain/preference.ts'
import { dropped } from '../../domain/filter-decision.ts'
import { rowId, type Row } from '../../domain/row.ts'
import { verdictOf, withVerdict } from '../../domain/verdict.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { referenceOf, type PromptReferences } from '../../pipeline/filters/references.ts'
import type { PlacedStage } from '../../pipeline/recipes/read-steps.ts'
import type {
  EachMember,
  StageOutcome,
  StageRow,
  TogetherMember,
  WrittenText,
} from '../../pipeline/stages/stage.ts'
import { inChunks, stageContext, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

/** Rows held at a time. */
const ROWS_PER_READ = 2000
const ROWS_PER_WRITE = 1000

type PlacedMember = Extract<PlacedStage, { readonly kind: 'member' }>

/** Runs one step; false when stopped before the end. `orderFrom`: the order of the first row that it adds. */
export async function runStage(
  context: RunContext,
  stage: PlacedStage,
  references: PromptReferences,
  orderFrom: number,
): Promise<boolean> {
  if (stage.kind === 'filters') return filterRows(context, stage, references)
  return 'each' in stage.member
    ? eachRowOf(context, stage, stage.member, references, orderFrom)
    : allRowsOf(context, stage, stage.member, references)
}

/** The step that wrote a row. */
const writtenIn = ({ steps }: RunContext, row: Row): number => row.step ?? steps.completers[0]?.index ?? 0

/** The row as it was when it reached a step; undefined if it never did. */
function beforeStep(context: RunContext, row: Row, step: number): Row | undefined {
  if (writtenIn(context, row) >= step) return undefined
  const decisions = row.decisions.filter((decision) => decision.step < step)
  return findDrop(decisions) === undefined ? { ...row, decisions } : undefined
}

const isDecided = ({ decisions, verdicts }: Row, step: number): boolean =>
  decisions.some((decision) => decision.step === step) || verdictOf(verdicts, step) !== undefined

const toStageRow = (row: Row, references: PromptReferences): StageRow => ({
  ...row,
  ...referenceOf(row.promptId, references),
})

async function eachRowOf(
  context: RunContext,
  { index, name, settings }: PlacedMember,
  member: EachMember,
  references: PromptReferences,
  orderFrom: number,
): Promise<boolean> {
  const { store, live, executor } = context
  const open: RowId[] = []
  let done = 0
  for await (const page of store.rows()) {
    for (const row of page) {
      if (writtenIn(context, row) >= index) continue
      if (isDecided(row, index)) done += 1
      else if (statusInRun(row) === 'pending') open.push(row.id)
    }
  }
  live.enter(index, done, done + open.length)
  const stageOf = stageContext(context, index)
  const perRow = member.countTexts?.(settings) ?? 0
  for (const chunk of inChunks(open, ROWS_PER_READ)) {
    const ended = await executor.each<Row, never, StageOutcome>({
      items: await store.readRows(chunk),
      program: (row) => member.each(toStageRow(row, references), settings, stageOf),
      onEnd: (row, outcome, { made }) => {
        outcome.texts?.forEach((written, i) => {
          const added = makeRow(context, row, { index, name }, written, i, orderFrom + row.order * perRow + i)
          store.put(added)
          live.tally.countRow(added)
        })
        applyOutcome(context, row, { index, name }, outcome)
        live.count(1, made > 0)
      },
      // One bad row ends no run.
      onFailure: (row, reason) => {
        applyOutcome(context, row, { index, name }, { decision: dropped(`the step failed: ${reason}`) })
        live.count(1)
      },
    })
    if (!ended) return false
  }
  await store.drain()
  return true
}

/** Adds what a step made of a row to the stored one. */
function applyOutcome(
  { store, live }: RunContext,
  row: Row,
  { index, name }: { readonly index: number; readonly name: string },
  { decision, verdict, fields }: StageOutcome,
): void {
  const decided: StepDecision | undefined =
    decision === undefined && verdict !== undefined
      ? undefined
      : { step: index, name, decision: decision ?? kept() }
  const change = (stored: Row): Row => {
    const decisions = decided ? [...stored.decisions, decided] : stored.decisions
    const isDropped = decided?.decision.kind === 'dropped'
    const changed = applyDecisions(stored, {
      decisions,
      ...(verdict ? { verdicts: withVerdict(stored.verdicts, index, verdict) } : {}),
      ...(isDropped ? { droppedBy: name } : {}),
      status: isDropped ? 'dropped' : 'pending',
    })
    return fields ? { ...changed, fields: { ...changed.fields, ...fields } } : changed
  }
  live.tally.countRow(row, -1)
  live.tally.countRow(change(row))
  store.change(row.id, change)
}

/** A row that a step adds: it has its parent's prompt, and no decision of earlier steps. */
function makeRow(
  { machines }: RunContext,
  parent: Row,
  { index, name }: { readonly index: number; readonly name: string },
  { text, finishReason, tokens, reasoning, model, system, sampling, fields, refusal }: WrittenText,
  variant: number,
  order: number,
): Row {
  const row: Row = {
    projectId: parent.projectId,
    runId: parent.runId,
    id: rowId({ parent: parent.id, step: index, variant, teacher: model.fingerprint }),
    promptId: parent.promptId,
    seedId: parent.seedId,
    prompt: parent.prompt,
    ...(parent.earlier ? { earlier: parent.earlier } : {}),
    variant,
    order,
    step: index,
    parent: parent.id,
    completion: {
      text,
      finishReason,
      tokens,
      teacher: model,
      system,
      sampling,
      ...(reasoning === undefined ? {} : { reasoning }),
      writtenAt: machines.now(),
    },
    ...(fields || parent.fields ? { fields: { ...parent.fields, ...fields } } : {}),
    decisions: [],
    status: 'pending',
  }
  return refusal === undefined
    ? row
    : {
        ...row,
        decisions: [{ step: index, name, decision: dropped(refusal) }],
        droppedBy: name,
        status: 'dropped',
      }
}

async function allRowsOf(
  context: RunContext,
  { index, name, settings }: PlacedMember,
  member: TogetherMember,
  references: PromptReferences,
): Promise<boolean> {
  const { store, live, executor, projectId, runId } = context
  const rows = await listReached(context, index)
  live.enter(index, 0, rows.length)
  if (rows.every(({ stored }) => isDecided(stored, index))) return true
  const outcome = await executor.together(() =>
    member.together(
      rows.map(({ before }) => toStageRow(before, references)),
      settings,
      stageContext(context, index),
    ),
  )
  if (outcome.stopped) return false
  const { decisions, preferences = [] } = outcome.outcome
  const compared = preferences.flatMap(({ first, second, rubric, verdict }): Preference[] => {
    const [one, other] = [rows[first]?.stored, rows[second]?.stored]
    if (one === undefined || other === undefined) return []
    const id = contentId('preference', [runId, index, one.id, other.id])
    const { promptId } = one
    return [{ projectId, runId, id, promptId, step: index, first: one.id, second: other.id, rubric, verdict }]
  })
  for (const chunk of inChunks(compared, ROWS_PER_WRITE)) await store.putPreferences(chunk)
  await decideRows(
    context,
    rows,
    decisions.map((decision) => [{ step: index, name, decision }]),
    index,
  )
  return true
}

/** Decides with filters that come after another step on completions, in the rows' order. */
async function filterRows(
  context: RunContext,
  { index, filters }: Extract<PlacedStage, { readonly kind: 'filters' }>,
  references: PromptReferences,
): Promise<boolean> {
  const rows = await listReached(context, index)
  context.live.enter(index, 0, rows.length)
  const bank = new FilterBank(filters)
  const decisions = rows.map(({ before: { promptId, prompt, completion, fields } }) =>
    bank.decide({
      prompt,
      completion: completion.text,
      finishReason: completion.finishReason,
      ...(fields ? { fields } : {}),
      ...referenceOf(promptId, references),
    }),
  )
  const isOpen = rows.some(({ stored }) => !isDecided(stored, index))
  if (isOpen) await decideRows(context, rows, decisions, index + filters.length - 1)
  return true
}

interface Reached {
  readonly stored: Row
  /** Without what this step and later ones decided. */
  readonly before: Row
}

/** The rows that reached a step, in order. */
async function listReached(context: RunContext, step: number): Promise<Reached[]> {
  const rows: Reached[] = []
  for await (const page of context.store.rows())
    for (const stored of page) {
      const before = beforeStep(context, stored, step)
      if (before !== undefined) rows.push({ stored, before })
    }
  return rows
}

/** Stores the decisions of steps up to `last` on rows that have none of them. */
async function decideRows(
  { store, live }: RunContext,
  rows: readonly Reached[],
  decisions: readonly (readonly StepDecision[])[],
  last: number,
): Promise<void> {
  const pairs = rows.map(({ stored }, i) => ({ stored, made: decisions[i] ?? [] }))
  for (const chunk of inChunks(pairs, ROWS_PER_WRITE)) {
    for (const { stored, made } of chunk) {
      const drop = findDrop(made)
      const change = (row: Row): Row => {
        if (made.some(({ step }) => row.decisions.some((known) => known.step === step))) return row
        // A later step may have decided already: then this one kept the row.
        const later = row.decisions.filter(({ step }) => step > last)
        return applyDecisions(row, {
          decisions: [...row.decisions.filter(({ step }) => step <= last), ...made, ...later],
          ...(drop ? { droppedBy: drop.name } : {}),
          status: drop ? 'dropped' : 'pending',
        })
      }
      live.tally.countRow(stored, -1)
      live.tally.countRow(change(stored))
      store.change(stored.id, change)
    }
    await store.drain()
    live.count(chunk.length)
  }
}
