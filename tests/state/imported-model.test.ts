// Which models adapters can lie on: those that are here after a reload; the choice outlives the list as long as it is on it.
import { expect, test, vi } from 'vitest'
import type { ListedModel } from '../../src/actions/list-models.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { ImportedModel, listKept } from '../../src/state/imported-model.svelte.ts'
import { Students } from '../../src/state/students.svelte.ts'
import { putStudent } from '../../src/storage/students.ts'
import { storeSampleProject } from '../stand-ins/sample-project.ts'
import { DESCRIPTION } from '../stand-ins/teacher.ts'
import { makeAround } from './make-around.ts'

const LISTED: readonly ListedModel[] = [
  { name: 'kept.gguf', bytes: 1, where: 'stored', source: { kind: 'stored', name: 'kept.gguf' } },
  {
    name: 'beside.gguf',
    bytes: 1,
    where: 'served',
    source: { kind: 'url', url: 'http://localhost/models/beside.gguf' },
  },
  {
    name: 'box.gguf',
    bytes: 1,
    where: 'box',
    source: { kind: 'box', url: 'http://localhost/teacher/box.gguf' },
  },
]

test('models that are gone after a reload are not offered', () => {
  expect(listKept(LISTED).map(({ name }) => name)).toEqual(['kept.gguf', 'box.gguf'])
})

test('the first is chosen by itself, a choice stays while it is there, and a refusal is a sentence', async () => {
  const around = await makeAround({
    teacher: {
      inspect: async ({ source }) => {
        if (source.kind === 'box') throw new RetortError('ModelRefused', 'It is no model.')
        return DESCRIPTION.card
      },
    },
  })
  const imported = new ImportedModel(around)
  imported.offer([])
  expect(imported.choice).toBeUndefined()
  const kept = listKept(LISTED)
  imported.offer(kept)
  expect(imported.choice?.name).toBe('kept.gguf')
  await vi.waitFor(() => expect(imported.card).toEqual(DESCRIPTION.card))
  await imported.choose(kept[1]!)
  expect([imported.card, imported.refusal]).toEqual([undefined, 'It is no model.'])
  imported.offer(kept)
  expect(imported.choice?.name).toBe('box.gguf')
  imported.offer(kept.slice(0, 1))
  expect(imported.choice?.name).toBe('kept.gguf')
  expect(imported.refusal).toBeUndefined()
})

test('a student that is adapters is used like others and is not one to go on from', async () => {
  const around = await makeAround()
  const { project, student } = await storeSampleProject(around.machines.db)
  const adapts = {
    source: { kind: 'stored', name: 'kept.gguf' },
    model: { name: 'Kept', fingerprint: '00', quantisation: 'F16' },
  } as const
  await putStudent(around.machines.db, { ...student, adapts, checkpointStep: 5, status: 'trained' })
  const students = new Students(around, project.id)
  await students.refresh()
  expect(students.usable.map(({ id }) => id)).toEqual([student.id])
  expect(students.bases).toEqual([])
  expect(students.base).toBeUndefined()
})
