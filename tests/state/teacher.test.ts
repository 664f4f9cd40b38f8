import { describe, expect, test } from 'vitest'
import { GIVES_ALL } from '../stand-ins/teacher.ts'
import type { ModelCard, TeacherDescription } from '../../src/domain/model.ts'
import { makeProject } from '../../src/domain/project.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { Teacher } from '../../src/state/teacher.svelte.ts'
import { getProject, putProject } from '../../src/storage/projects.ts'
import { makeAround } from './make-around.ts'

const card = (name: string): ModelCard => ({
  name,
  form: 'gguf',
  fileName: `${name}.gguf`,
  fileBytes: 100,
  architecture: 'llama',
  parameters: 1000,
  quantisation: 'F32',
  tensorTypes: { F32: 3 },
  contextLength: 512,
  vocabularySize: 300,
  layers: 1,
  width: 8,
  memoryBytes: { wasm: 1000, webgpu: 2000 },
  fingerprint: '0123456789abcdef',
  hasChatTemplate: true,
})
const describeTeacher = (name: string): TeacherDescription => ({
  card: card(name),
  backend: 'wasm',
  threads: 1,
  contextLength: 512,
  batch: 1,
  gives: GIVES_ALL,
  notes: [],
})
const url = (name: string) => ({ kind: 'url' as const, url: `https://example.org/${name}.gguf` })

describe('choosing a model', () => {
  test('shows its card and asks for no more context than it has', async () => {
    const teacher = new Teacher(await makeAround({ teacher: { inspect: async () => card('small') } }))
    await teacher.choose(url('small'), 'small.gguf')
    expect(teacher.card?.name).toBe('small')
    expect(teacher.contextLength).toBe(512)
  })

  test('a refused one leaves the reason and no card', async () => {
    const teacher = new Teacher(
      await makeAround({
        teacher: {
          inspect: () => Promise.reject(new RetortError('ModelRefused', 'This is not a GGUF file.')),
        },
      }),
    )
    await teacher.choose(url('bad'), 'bad.gguf')
    expect([teacher.card, teacher.refusals[0]?.sentence]).toEqual([undefined, 'This is not a GGUF file.'])
  })

  test('the last choice wins, even where an earlier one is answered later', async () => {
    const release: ((value: ModelCard) => void)[] = []
    const inspect = (): Promise<ModelCard> => new Promise((resolve) => release.push(resolve))
    const teacher = new Teacher(await makeAround({ teacher: { inspect } }))
    const first = teacher.choose(url('first'), 'first.gguf')
    const second = teacher.choose(url('second'), 'second.gguf')
    await new Promise((resolve) => setTimeout(resolve, 5))
    release[0]?.(card('first'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    release[1]?.(card('second'))
    await Promise.all([first, second])
    expect(teacher.card?.name).toBe('second')
  })
})

async function makeLoaded(load: () => Promise<TeacherDescription>, held: TeacherDescription | null = null) {
  const around = await makeAround({
    teacher: { inspect: async () => card('small'), load, describe: async () => held },
  })
  const project = makeProject('Shop', 1)
  await putProject(around.machines.db, project)
  const teacher = new Teacher(around)
  await teacher.choose(url('small'), 'small.gguf')
  await teacher.load(project.id)
  return { teacher, around, project }
}

describe('loading', () => {
  test('a loaded and kept model is remembered by its project and counts as stored from then on', async () => {
    const { teacher, around, project } = await makeLoaded(async () => describeTeacher('small'))
    expect(teacher.description?.card.name).toBe('small')
    expect(teacher.choice?.source).toEqual({ kind: 'stored', name: 'small.gguf' })
    expect((await getProject(around.machines.db, project.id))?.teacherName).toBe('small.gguf')
  })

  test('a failure says why and shows what the worker still holds', async () => {
    const { teacher } = await makeLoaded(() =>
      Promise.reject(new RetortError('OutOfMemory', 'Memory ran out.')),
    )
    expect(teacher.loading.trouble).toBe('Memory ran out.')
    expect(teacher.description).toBeUndefined()
  })

  test('a dead worker holds nothing', async () => {
    const { teacher } = await makeLoaded(async () => describeTeacher('small'))
    teacher.lose()
    expect(teacher.description).toBeUndefined()
  })
})

test('an answer grows as it is written and ends as it ended', async () => {
  const seen: string[] = []
  const around = await makeAround({
    teacher: {
      describe: async () => describeTeacher('small'),
      complete: async ({ requests }, options) => {
        const id = requests[0]?.id ?? ''
        for (const text of ['It', 'It is', 'It is blue']) {
          options?.onEvent?.({ kind: 'partial', id, text })
          seen.push(teacher.answer)
        }
        options?.onEvent?.({
          kind: 'completion',
          result: { id, text: 'It is blue.', ending: 'end', promptTokens: 3, tokens: 4 },
        })
        return { promptTokens: 3, sharedTokens: 0, newTokens: 4, ms: 1 }
      },
    },
  })
  const teacher = new Teacher(around)
  await teacher.sync()
  await teacher.ask('  ')
  expect(teacher.asked).toBe('')
  await teacher.ask('Why?')
  expect(seen).toEqual(['It', 'It is', 'It is blue'])
  expect(teacher.answer).toBe('It is blue.')
})
