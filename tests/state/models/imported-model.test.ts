// The base models of adapters: those available after a reload; the choice stays while it is listed.
import { expect, test, vi } from 'vitest'
import type { ListedModel } from '../../../src/actions/models/list-models.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { ImportedModel, listKept } from '../../../src/state/models/imported-model.svelte.ts'
import { Students } from '../../../src/state/project/students.svelte.ts'
import { putStudent } from '../../../src/storage/students.ts'
import { storeSampleProject } from '../../stand-ins/sample-project.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeEnvironment } from '../make-environment.ts'

const LISTED: readonly ListedModel[] = [
  { name: 'kept.gguf', bytes: 1, where: 'stored', source: { kind: 'stored', name: 'kept.gguf' } },
  {
    name: 'served.gguf',
    bytes: 1,
    where: 'served',
    source: { kind: 'url', url: 'http://localhost/models/served.gguf' },
  },
  {
    name: 'built-in.gguf',
    bytes: 1,
    where: 'built-in',
    source: { kind: 'built-in', url: 'http://localhost/teacher/built-in.gguf' },
  },
]

test('listKept leaves out models that are gone after a reload', () => {
  expect(listKept(LISTED).map(({ name }) => name)).toEqual(['kept.gguf', 'built-in.gguf'])
})

test('chooses the first by default, keeps a choice while it is listed, and reports a refusal', async () => {
  const env = await makeEnvironment({
    teacher: {
      inspect: async ({ source }) => {
        if (source.kind === 'built-in') throw new RetortError('ModelRefused', 'It is not a model.')
        return DESCRIPTION.card
      },
    },
  })
  const imported = new ImportedModel(env)
  imported.offer([])
  expect(imported.choice).toBeUndefined()
  const kept = listKept(LISTED)
  imported.offer(kept)
  expect(imported.choice?.name).toBe('kept.gguf')
  await vi.waitFor(() => expect(imported.card).toEqual(DESCRIPTION.card))
  await imported.choose(kept[1]!)
  expect([imported.card, imported.refusal]).toEqual([undefined, 'It is not a model.'])
  imported.offer(kept)
  expect(imported.choice?.name).toBe('built-in.gguf')
  imported.offer(kept.slice(0, 1))
  expect(imported.choice?.name).toBe('kept.gguf')
  expect(imported.refusal).toBeUndefined()
})

test('a student of adapters is usable, but no training starts from it', async () => {
  const env = await makeEnvironment()
  const { project, student } = await storeSampleProject(env.machines.db)
  const baseModel = {
    source: { kind: 'stored', name: 'kept.gguf' },
    model: { name: 'Kept', fingerprint: '00', quantisation: 'F16' },
  } as const
  await putStudent(env.machines.db, { ...student, baseModel, checkpointStep: 5, status: 'trained' })
  const students = new Students(env, project.id)
  await students.refresh()
  expect(students.usable.map(({ id }) => id)).toEqual([student.id])
  expect(students.bases).toEqual([])
  expect(students.chosenBase).toBeUndefined()
})
