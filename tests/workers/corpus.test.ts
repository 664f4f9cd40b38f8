// The corpus worker's work on a database: adding seeds, freezing a run, exporting a dataset as a file.
import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { effectiveText } from '../../src/domain/row.ts'
import { freshId, type ProjectId } from '../../src/domain/id.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { defaultRecipe } from '../../src/pipeline/recipes/default-recipe.ts'
import { writeRecipe } from '../../src/pipeline/recipes/write-recipe.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { getDataset, listDatasetRows, listDatasets } from '../../src/storage/datasets.ts'
import { listRows, putRows } from '../../src/storage/rows.ts'
import { patchRun } from '../../src/storage/runs.ts'
import { countSeeds, pageSeeds } from '../../src/storage/seeds.ts'
import { addSeeds } from '../../workers/corpus/add-seeds.ts'
import { exportDataset } from '../../workers/corpus/export-dataset.ts'
import { freeze } from '../../workers/corpus/freeze.ts'
import { storeProject, storeSampleProject } from '../stand-ins/sample-project.ts'

const NOW = 1_760_000_000_000
let db: Database
let databases = 0
beforeEach(async () => {
  db = await openDatabase(`corpus ${databases++}`)
})
afterEach(() => {
  vi.restoreAllMocks()
  db.close()
})

function makeCall<Event>(
  onEmit: (event: Event, abort: () => void) => void = () => undefined,
): Call<Event> & { events: Event[] } {
  const controller = new AbortController()
  const events: Event[] = []
  return {
    signal: controller.signal,
    events,
    emit: (event) => {
      events.push(event)
      onEmit(event, () => controller.abort())
    },
  }
}

/** Lets the next `after` transactions that write to the store succeed, and fails later ones as a full disk does. */
function fillDisk(store: string, after: number): void {
  const original = db.transaction.bind(db)
  let left = after
  vi.spyOn(db, 'transaction').mockImplementation(((
    names: string | string[],
    mode?: IDBTransactionMode,
    options?: IDBTransactionOptions,
  ) => {
    if ([names].flat().includes(store) && mode === 'readwrite' && left-- <= 0)
      throw new DOMException('full', 'QuotaExceededError')
    return original(names as 'rows', mode, options)
  }) as typeof db.transaction)
}

describe('seeds', () => {
  const projectId: ProjectId = freshId('project')
  beforeEach(() => storeProject(db, projectId))
  type Progress = { rows: number; bytes: number; totalBytes: number }
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, i) => `Question ${i} of many?`).join('\n')
  const asFile = (text: string, name = 'seeds.txt') => ({
    projectId,
    source: { kind: 'file' as const, file: new File([text], name) },
  })

  test('stores seeds as they are read, and reports progress and repeated rows', async () => {
    const call = makeCall<Progress>()
    const text = `${lines(25_000)}\n\n${lines(3)}\n`
    const read = await addSeeds(db, asFile(text), call, NOW)
    expect(read).toMatchObject({ rows: 25_003, added: 25_000, problemCount: 0, repeated: 3 })
    expect(read.addedIds).toHaveLength(25_000)
    expect(read.report).toEqual([
      '3 rows repeat an earlier one and were merged with it; the first is line 25,002, which repeats line 1.',
    ])
    expect(await countSeeds(db, projectId)).toBe(25_000)
    expect((await pageSeeds(db, projectId, { from: 3, limit: 2 })).map(({ text: seed }) => seed)).toEqual([
      'Question 3 of many?',
      'Question 4 of many?',
    ])
    expect(call.events.length).toBeGreaterThan(2)
    expect(call.events.at(-1)).toEqual({ rows: 25_003, bytes: text.length, totalBytes: text.length })
    expect(call.events.map(({ bytes }) => bytes)).toEqual(
      call.events.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
    )
    const again = await addSeeds(
      db,
      { projectId, source: { kind: 'text', text: 'New one\nQuestion 7 of many?' } },
      makeCall<Progress>(),
      NOW,
    )
    expect(again).toMatchObject({ added: 1, alreadyThere: 1 })
  }, 60_000)

  test('keeps the seeds read before a stop or a full disk', async () => {
    const stopping = makeCall<Progress>((_, abort) => abort())
    await expect(addSeeds(db, asFile(lines(30_000)), stopping, NOW)).rejects.toMatchObject({
      name: 'AbortError',
    })
    const kept = await countSeeds(db, projectId)
    expect(kept).toBe(stopping.events[0]?.rows)
    expect(kept).toBeGreaterThan(0)

    fillDisk('seeds', 2) // the first batch is stored already
    const full = addSeeds(db, asFile(lines(30_000)), makeCall<Progress>(), NOW)
    await expect(full).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(/^The seeds could not be stored: .*Everything stored before is safe/),
    })
    const after = await countSeeds(db, projectId)
    expect(after).toBeGreaterThan(kept)
    expect(after).toBeLessThan(30_000)
  }, 60_000)

  test('reports a file without a valid row as problems, not an error', async () => {
    const read = await addSeeds(db, asFile('{"text": "cut', 'seeds.jsonl'), makeCall<Progress>(), NOW)
    expect(read).toMatchObject({ added: 0, problemCount: 1 })
    expect(read.problems[0]?.sentence).toBe(
      'The line begins as JSON but ends in the middle. Is the file complete?',
    )
  })
})

describe('freezing', () => {
  type Progress = { done: number; total: number }
  async function storeRun(rows = 40): Promise<Awaited<ReturnType<typeof storeSampleProject>>> {
    const sample = await storeSampleProject(db, { seeds: 12, rows })
    await patchRun(db, sample.project.id, sample.run.id, { recipeText: writeRecipe(defaultRecipe()) })
    return sample
  }

  test('freezes the kept rows with their edits, and gives equal contents an equal id', async () => {
    const { project, run, rows } = await storeRun()
    const call = makeCall<Progress>()
    const frozen = await freeze(db, { projectId: project.id, runId: run.id }, call, NOW)
    if (!frozen.ok) throw new Error(frozen.problems.map(({ sentence }) => sentence).join(' '))
    const kept = rows.filter(({ status }) => status === 'kept')
    expect(frozen.dataset.rows.train + frozen.dataset.rows.heldOut).toBe(kept.length)
    expect(frozen.dataset.rows.heldOut).toBeGreaterThan(0)
    expect(call.events.at(-1)).toEqual({ done: 40, total: 40 })
    const { seeds, seedsUsed, rejectedByHand } = frozen.dataset
    expect(seedsUsed?.of).toBe(12)
    expect(seedsUsed?.shown).toBeGreaterThanOrEqual(seeds)
    expect(rejectedByHand).toBe(rows.filter(({ status }) => status === 'rejected').length)
    const stored = await listDatasetRows(db, project.id, frozen.dataset.id)
    expect(stored.map(({ prompt }) => prompt)).toEqual(kept.map((row) => effectiveText(row).prompt))
    expect(stored.filter(({ editedByHand }) => editedByHand).map(({ completion }) => completion)).toEqual(
      kept.filter(({ edit }) => edit).map(() => 'Edited by hand.'),
    )

    const again = await freeze(db, { projectId: project.id, runId: run.id }, makeCall<Progress>(), NOW + 5)
    expect(again).toMatchObject({ ok: true, dataset: { id: frozen.dataset.id } })
    const [first] = await listRows(db, project.id, run.id)
    const changed = (await listRows(db, project.id, run.id)).find(
      ({ status, edit }) => status === 'kept' && !edit,
    )!
    await putRows(db, [
      { ...changed, edit: { prompt: changed.prompt, completion: 'Another answer.', editedAt: NOW } },
    ])
    const other = await freeze(db, { projectId: project.id, runId: run.id }, makeCall<Progress>(), NOW + 6)
    expect(other.ok && other.dataset.id).not.toBe(frozen.dataset.id)
    expect(first?.status).toBe('dropped')
    expect((await listDatasets(db, project.id)).map(({ frozenAt }) => frozenAt).slice(0, 2)).toEqual([
      NOW + 6,
      NOW + 5,
    ])
  })

  test('keeps what the run reported', async () => {
    const { project, run } = await storeRun()
    const request = { projectId: project.id, runId: run.id }
    const none = await freeze(db, request, makeCall<Progress>(), NOW)
    expect(none.ok && 'notes' in none.dataset).toBe(false)
    const notes = ['Growing draws from 8 of 12 seeds.']
    await patchRun(db, project.id, run.id, { notes })
    const frozen = await freeze(db, request, makeCall<Progress>(), NOW)
    expect(frozen).toMatchObject({ ok: true, dataset: { notes } })
    expect(frozen.ok && (await getDataset(db, project.id, frozen.dataset.id))).toMatchObject({ notes })
  })

  test('refuses in a sentence if there is nothing to freeze', async () => {
    const { project, run } = await storeRun()
    const missing = await freeze(
      db,
      { projectId: project.id, runId: freshId('run') },
      makeCall<Progress>(),
      NOW,
    )
    expect(missing).toMatchObject({
      ok: false,
      problems: [
        { sentence: 'There is no run yet. Start one on the Run screen, then freeze the rows it keeps.' },
      ],
    })
    await putRows(
      db,
      (await listRows(db, project.id, run.id)).map((row) => ({ ...row, status: 'dropped' as const })),
    )
    const nothing = await freeze(db, { projectId: project.id, runId: run.id }, makeCall<Progress>(), NOW)
    expect(nothing.ok).toBe(false)
    expect(nothing.ok ? '' : nothing.problems[0]?.sentence).toMatch(/^[A-Z].*\.$/)
  })

  test('leaves no dataset if it is stopped or the disk is full', async () => {
    const { project, run } = await storeRun()
    const before = await listDatasets(db, project.id)
    const stopped = new AbortController()
    stopped.abort()
    await expect(
      freeze(
        db,
        { projectId: project.id, runId: run.id },
        { ...makeCall<Progress>(), signal: stopped.signal },
        NOW,
      ),
    ).rejects.toMatchObject({ name: 'AbortError' })
    fillDisk('datasets', 0)
    await expect(
      freeze(db, { projectId: project.id, runId: run.id }, makeCall<Progress>(), NOW),
    ).rejects.toMatchObject({
      name: 'StorageFull',
      message: expect.stringMatching(/^The dataset could not be stored/),
    })
    expect(await listDatasets(db, project.id)).toEqual(before)
  })
})

describe('an exported dataset', () => {
  test('is in the requested format, as a blob of chunks', async () => {
    const { project, dataset } = await storeSampleProject(db, { rows: 30 })
    const file = await exportDataset(db, {
      projectId: project.id,
      datasetId: dataset.id,
      format: 'messages',
    })
    expect(file).toMatchObject({ name: 'messages.jsonl', mime: expect.stringMatching(/json/) })
    const lines = (await file.blob.text()).trimEnd().split('\n')
    expect(lines).toHaveLength(dataset.rows.train + dataset.rows.heldOut)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ messages: [{ role: 'user' }, { role: 'assistant' }] })
  })

  test('is refused in a sentence if the dataset is missing', async () => {
    const { project } = await storeSampleProject(db)
    for (const datasetId of ['00'.repeat(32), 'no id'])
      await expect(
        exportDataset(db, { projectId: project.id, datasetId: datasetId as never, format: 'csv' }),
      ).rejects.toThrow('This dataset is no longer stored. Freeze the run again on the Dataset screen.')
  })
})
