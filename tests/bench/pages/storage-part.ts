// Knows: how fast 20,000 rows are written and read: in batches as a run writes them, one by one, as table entries and by id.
import type { PromptId, RunId, SeedId } from '../../../src/domain/id.ts'
import { freshId } from '../../../src/domain/id.ts'
import { rowId, type Row } from '../../../src/domain/row.ts'
import { makeProject } from '../../../src/domain/project.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { putProject } from '../../../src/storage/projects.ts'
import { loadRowIndex } from '../../../src/storage/row-index.ts'
import { eachRow, putRows, readRows } from '../../../src/storage/rows.ts'
import { timeOf, type PartResult } from '../measure.ts'

const ROWS = 20_000
const ONE_BY_ONE = 1000
const TEXT =
  'When the parcel has been opened we can still take it back within thirty days, as long as nothing was worn outdoors. '

function makeRow(projectId: Row['projectId'], runId: RunId, order: number): Row {
  const promptId = order.toString(16).padStart(24, '0') as PromptId // benchmark rows need ids, not prompts
  return {
    projectId,
    runId,
    id: rowId({ runId, order }),
    promptId,
    seedId: promptId as string as SeedId,
    prompt: `What do you answer to customer ${order}?`,
    variant: 0,
    order,
    completion: {
      text: TEXT.repeat(4),
      finishReason: 'end',
      tokens: 100,
      teacher: { name: 'none', fingerprint: '0000000000000000', quantisation: 'F32' },
      system: '',
      sampling: {
        temperature: 0.7,
        topK: 0,
        topP: 0.9,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 128,
        stop: [],
        rngSeed: String(order),
      },
      writtenAt: order,
    },
    decisions: [],
    status: 'kept',
  }
}

export async function measureStorage(): Promise<PartResult> {
  const db = await openDatabase('retort-bench')
  const project = makeProject('bench', 0)
  await putProject(db, project)
  const runId: RunId = freshId('run')
  const rows = Array.from({ length: ROWS }, (_, order) => makeRow(project.id, runId, order))
  const batched = await timeOf(async () => {
    for (let from = 0; from < ROWS; from += 500) await putRows(db, rows.slice(from, from + 500))
  })
  const pages = await timeOf(async () => {
    let count = 0
    for await (const page of eachRow(db, project.id, runId)) count += page.length
    if (count !== ROWS) throw new Error(`${count} rows were read`)
  })
  const heads = await timeOf(() => loadRowIndex(db, project.id, runId))
  const some = rows.slice(0, ONE_BY_ONE).map(({ id }) => id)
  const byId = await timeOf(() => readRows(db, project.id, some))
  const otherRun: RunId = freshId('run')
  const single = await timeOf(async () => {
    for (let order = 0; order < ONE_BY_ONE; order += 1)
      await putRows(db, [makeRow(project.id, otherRun, order)])
  })
  db.close()
  indexedDB.deleteDatabase('retort-bench')
  const perSecond = (count: number, ms: number): number => (count * 1000) / ms
  return {
    measured: [
      {
        what: `${ROWS.toLocaleString('en')} rows written, 500 per transaction`,
        value: batched,
        unit: 'ms',
        how: `${Math.round(perSecond(ROWS, batched))} rows/s`,
      },
      {
        what: `${ROWS.toLocaleString('en')} rows read in order`,
        value: pages,
        unit: 'ms',
        how: `${Math.round(perSecond(ROWS, pages))} rows/s`,
      },
      {
        what: `table entries of ${ROWS.toLocaleString('en')} rows`,
        value: heads,
        unit: 'ms',
        how: `${Math.round(perSecond(ROWS, heads))} rows/s`,
      },
      {
        what: `${ONE_BY_ONE.toLocaleString('en')} rows read by id`,
        value: byId,
        unit: 'ms',
        how: `${Math.round(perSecond(ONE_BY_ONE, byId))} rows/s`,
      },
      {
        what: `${ONE_BY_ONE.toLocaleString('en')} rows written one by one, as a run does`,
        value: single,
        unit: 'ms',
        how: `${Math.round(perSecond(ONE_BY_ONE, single))} rows/s`,
      },
    ],
    ratios: [
      {
        what: 'rows/s: written 500 per transaction relative to one',
        ratio: perSecond(ROWS, batched) / perSecond(ONE_BY_ONE, single),
      },
      { what: 'rows/s: read in order relative to written in batches', ratio: batched / pages },
    ],
  }
}
