import { expect, test, vi } from 'vitest'
import type { ColumnMapping, ColumnRole } from '../../../src/domain/column-mapping.ts'
import { freshId, type ProjectId } from '../../../src/domain/id.ts'
import { parseSeed, type Seed } from '../../../src/domain/seed.ts'
import type { Machines } from '../../../src/actions/machines.ts'
import { Seeds, type ColumnChoice } from '../../../src/state/project/seeds.svelte.ts'
import { pageSeeds, putSeeds } from '../../../src/storage/seeds.ts'
import { storeProject } from '../../stand-ins/sample-project.ts'
import { addSeeds as addInWorker } from '../../../workers/corpus/add-seeds.ts'
import { makeEnvironment } from '../make-environment.ts'

const makeSeeds = (projectId: ProjectId, count: number): Seed[] =>
  Array.from({ length: count }, (_, i) => {
    const seed = parseSeed({ projectId, text: `Seed number ${i}`, source: 'typed', line: i + 1, addedAt: 5 })
    if (!seed.ok) throw new Error('a plain seed is refused')
    return seed.value
  })

/** A corpus worker that adds every line to the store, which is created after it. */
async function makeState() {
  const projectId = freshId('project')
  const addSeeds: Machines['corpus']['addSeeds'] = async ({ source }, options) => {
    if (source.kind !== 'text') throw new Error('this stand-in reads text')
    const seeds = source.text.split('\n').flatMap((text, i) => {
      const seed = parseSeed({ projectId, text, source: 'typed', line: i + 1, addedAt: 7 })
      return seed.ok ? [seed.value] : []
    })
    const { added, alreadyThere } = await putSeeds(env.machines.db, seeds)
    options?.onEvent?.({ rows: seeds.length, bytes: source.text.length, totalBytes: source.text.length })
    return {
      rows: source.text.split('\n').length,
      added: added.length,
      alreadyThere,
      repeated: 0,
      problems: [],
      moreProblems: 0,
      problemCount: 0,
      report: [],
      undecided: false,
      addedIds: added,
    }
  }
  const env = await makeEnvironment({ corpus: { addSeeds } })
  await storeProject(env.machines.db, projectId)
  return { seeds: new Seeds(env, projectId), db: env.machines.db, projectId }
}

test('added seeds are counted, and can be removed and restored by undo', async () => {
  const { seeds } = await makeState()
  const read = await seeds.add({ kind: 'text', text: 'One\nTwo\nThree' })
  expect([read?.added, seeds.count]).toEqual([3, 3])
  await seeds.undo.use()
  expect(seeds.count).toBe(0)
  await seeds.undo.use()
  expect(seeds.count).toBe(3)
})

test('undo removes only the seeds added last', async () => {
  const { seeds } = await makeState()
  await seeds.add({ kind: 'text', text: 'One\nTwo' })
  const read = await seeds.add({ kind: 'text', text: 'Two\nThree' })
  expect(read).toMatchObject({ added: 1, alreadyThere: 1 })
  await seeds.undo.use()
  expect(seeds.count).toBe(2)
})

test('undo restores a deleted seed', async () => {
  const { seeds } = await makeState()
  await seeds.add({ kind: 'text', text: 'One\nTwo' })
  await vi.waitFor(() => expect(seeds.at(0)).toBeDefined())
  await seeds.remove(seeds.at(0)!)
  expect(seeds.count).toBe(1)
  await seeds.undo.use()
  expect(seeds.count).toBe(2)
})

test('a long list is read in pages as it is shown', async () => {
  const { seeds, db, projectId } = await makeState()
  await putSeeds(db, makeSeeds(projectId, 950))
  await seeds.refresh()
  expect(seeds.count).toBe(950)
  expect(seeds.at(940)).toBeUndefined()
  await vi.waitFor(() => expect(seeds.at(940)?.text).toBe('Seed number 940'), 5000)
  expect(seeds.at(949)?.text).toBe('Seed number 949')
  expect(seeds.at(0)).toBeUndefined()
  await vi.waitFor(() => expect(seeds.at(0)?.text).toBe('Seed number 0'), 5000)
})

/** The corpus worker's own code on the test's store. */
async function makeReading() {
  const projectId = freshId('project')
  let now = 100
  const addSeeds: Machines['corpus']['addSeeds'] = (request, options) => {
    const call = {
      signal: options?.signal ?? new AbortController().signal,
      emit: (event: { rows: number; bytes: number; totalBytes: number }) => options?.onEvent?.(event),
    }
    return addInWorker(env.machines.db, request, call, now++)
  }
  const env = await makeEnvironment({ corpus: { addSeeds } })
  await storeProject(env.machines.db, projectId)
  const seeds = new Seeds(env, projectId)
  const stored = async () =>
    (await pageSeeds(env.machines.db, projectId, { from: 0, limit: 100 })).map(
      ({ text, answer, fields }) => ({
        text,
        ...(answer === undefined ? {} : { answer }),
        ...(fields === undefined ? {} : { fields }),
      }),
    )
  return { seeds, stored }
}

const TABLE =
  'id,question_text,answer_text,topic\n1,What is rain?,Water.,sky\n2,What is snow?,Frozen water.,sky\n'
const tableFile = (name = 'table.csv') => ({ kind: 'file' as const, file: new File([TABLE], name) })
const withRoles = (choice: ColumnChoice, roles: readonly ColumnRole[]): ColumnMapping => ({
  form: choice.preview.form,
  header: choice.preview.header,
  columns: choice.preview.columns.map(({ name }, i) => ({ name, role: roles[i] ?? 'ignore' })),
})

test('a table of unknown columns adds nothing until they are chosen, and is read at once the next time', async () => {
  const { seeds, stored } = await makeReading()
  await seeds.add(tableFile())
  expect(await stored()).toEqual([])
  expect(seeds.read).toBeUndefined()
  expect(seeds.choice?.preview.columns.map(({ role }) => role)).toEqual([
    'ignore',
    'prompt',
    'answer',
    'field',
  ])
  await seeds.chooseColumns(withRoles(seeds.choice!, ['ignore', 'prompt', 'answer', 'field']))
  expect(seeds.choice).toBeUndefined()
  const both = [
    { text: 'What is rain?', answer: 'Water.', fields: { topic: 'sky' } },
    { text: 'What is snow?', answer: 'Frozen water.', fields: { topic: 'sky' } },
  ]
  expect(await stored()).toEqual(both)
  expect(seeds.read?.report).toEqual([
    'Read `question_text` as the prompt and `answer_text` as the answer in 2 rows.',
    'Kept `topic` with the seed in 2 rows.',
    'Ignored `id` in 2 rows.',
  ])

  await seeds.undo.use()
  expect(await stored()).toEqual([])
  await seeds.add(tableFile('later.csv'))
  expect(await stored()).toEqual(both)
  expect(seeds.read?.columns?.origin).toBe('remembered')
})

test('changed columns replace the seeds that were read with the earlier ones, and undo restores those', async () => {
  const { seeds, stored } = await makeReading()
  await seeds.add({ kind: 'text', text: 'prompt,answer,passage\nWhat has Ann?,a dog,Ann has a dog.' })
  const before = [{ text: 'What has Ann?\n\nAnn has a dog.', answer: 'a dog' }]
  expect(await stored()).toEqual(before)
  seeds.changeColumns()
  expect(seeds.choice?.preview.columns.map(({ role }) => role)).toEqual(['prompt', 'answer', 'context'])
  seeds.cancelColumns()
  expect(await stored()).toEqual(before)
  seeds.changeColumns()
  await seeds.chooseColumns(withRoles(seeds.choice!, ['prompt', 'answer', 'field']))
  expect(await stored()).toEqual([
    { text: 'What has Ann?', answer: 'a dog', fields: { passage: 'Ann has a dog.' } },
  ])
  await seeds.undo.use()
  expect(await stored()).toEqual(before)
})

test('columns that give no seed leave those that were there', async () => {
  const { seeds, stored } = await makeReading()
  await seeds.add({ kind: 'text', text: 'prompt,answer,empty\nWhat has Ann?,a dog,' })
  seeds.changeColumns()
  await seeds.chooseColumns(withRoles(seeds.choice!, ['ignore', 'answer', 'prompt']))
  expect(seeds.read?.problemCount).toBe(1)
  expect(await stored()).toEqual([{ text: 'What has Ann?', answer: 'a dog' }])
})

test('several files of unknown columns are chosen one after the other', async () => {
  const { seeds } = await makeReading()
  await seeds.add(tableFile('one.csv'))
  await seeds.add(tableFile('two.csv'))
  expect([seeds.choice?.name, seeds.waitingChoices]).toEqual(['one.csv', 1])
  seeds.cancelColumns()
  expect([seeds.choice?.name, seeds.waitingChoices]).toEqual(['two.csv', 0])
})

test('text that was read leaves the field; refused text and text of unknown columns stay', async () => {
  const { seeds } = await makeReading()
  const add = async (text: string): Promise<string> => {
    seeds.draft = text
    await seeds.add({ kind: 'text', text })
    return seeds.draft
  }
  expect(await add('One?\nTwo?')).toBe('')
  expect(await add('{"label": 1}\n{"prompt": "x"}')).toContain('label')
  expect(await add(TABLE)).toBe(TABLE)
  await seeds.chooseColumns(withRoles(seeds.choice!, ['ignore', 'prompt', 'answer', 'field']))
  expect(seeds.draft).toBe('')
})

test('a large text becomes a source of its own, which is read as a file', async () => {
  const { seeds, stored } = await makeReading()
  expect(seeds.takePasted('One?\nTwo?')).toBe(false)
  const lines = Array.from({ length: 40 }, (_, i) => `Question ${i}: ${'why '.repeat(500)}?`).join('\n')
  expect(seeds.takePasted(lines)).toBe(true)
  expect(seeds.pasted?.size).toBe(lines.length)
  await seeds.add({ kind: 'file', file: seeds.pasted! })
  expect(await stored()).toHaveLength(40)
  expect(seeds.pasted).toBeUndefined()
})
