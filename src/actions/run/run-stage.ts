// Knows: how a step on completions is run over the rows that reached it, row by row: each is stored as it ends, and a resumed run does what
// is left.
// Must not know: any one step.
import { dropped, failureReason, kept, type StepDecision } from '../../domain/filter-decision.ts'
import type { RowId } from '../../domain/id.ts'
import { rowId, type Row } from '../../domain/row.ts'
import { withVerdict } from '../../domain/verdict.ts'
import type { PromptReferences } from '../../pipeline/filters/references.ts'
import type { PlacedStage } from '../../pipeline/recipes/read-steps.ts'
import type { EachMember, StageOutcome, WrittenText } from '../../pipeline/stages/stage.ts'
import { Breather } from '../executing/breather.ts'
import { allRowsOf, filterRows } from './over-all-rows.ts'
import { isDecided, toStageRow, writtenIn } from './reached.ts'
import { inChunks, ROWS_PER_PAGE, stageContext, type RunContext } from './run-context.ts'
import { applyDecisions, statusInRun } from './row-status.ts'

/** Rows that are worked on at a time: a few full batches. */
const ROWS_IN_PROGRESS = 2000

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
  const breather = new Breather()
  for await (const page of store.rows(ROWS_PER_PAGE)) {
    for (const row of page) {
      if (writtenIn(context, row) >= index) continue
      if (isDecided(row, index)) done += 1
      else if (statusInRun(row) === 'pending') open.push(row.id)
      if (breather.isDue) await breather.pause()
    }
  }
  live.enter(index, done, done + open.length)
  const stageOf = stageContext(context, index)
  const perRow = member.countTexts?.(settings) ?? 0
  for (const chunk of inChunks(open, ROWS_IN_PROGRESS)) {
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
        applyOutcome(context, row, { index, name }, { decision: dropped(failureReason(reason)) })
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
