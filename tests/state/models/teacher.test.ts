import { describe, expect, test } from 'vitest'
import { ALL_CAPABILITIES } from '../../stand-ins/teacher.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import { makeProject } from '../../../src/domain/project.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { Teacher } from '../../../src/state/models/teacher.svelte.ts'
import { getProject, putProject } from '../../../src/storage/projects.ts'
import { makeEnvironment } from '../make-environment.ts'

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
  capabilities: ALL_CAPABILITIES,
  notes: [],
})
const url = (name: string) => ({ kind: 'url' as const, url: `https://example.org/${name}.gguf` })

describe('Teacher.choose', () => {
  test('shows the model’s card and limits the context length to the model’s', async () => {
    const teacher = new Teacher(await makeEnvironment({ teacher: { inspect: async () => card('small') } }))
    await teacher.choose(url('small'), 'small.gguf')
    expect(teacher.card?.name).toBe('small')
    expect(teacher.contextLength).toBe(512)
  })

  test('leaves the reason and no card if the model is refused', async () => {
    const teacher = new Teacher(
      await makeEnvironment({
        teacher: {
          inspect: () => Promise.reject(new RetortError('ModelRefused', 'This is not a GGUF file.')),
        },
      }),
    )
    await teacher.choose(url('bad'), 'bad.gguf')
    expect([teacher.card, teacher.refusals[0]?.sentence]).toEqual([undefined, 'This is not a GGUF file.'])
  })

  test('keeps the last choice, even if an earlier one responds later', async () => {
    const release: ((value: ModelCard) => void)[] = []
    const inspect = (): Promise<ModelCard> => new Promise((resolve) => release.push(resolve))
    const teacher = new Teacher(await makeEnvironment({ teacher: { inspect } }))
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
  const env = await makeEnvironment({
    teacher: { inspect: async () => card('small'), load, describe: async () => held },
  })
  const project = makeProject('Shop', 1)
  await putProject(env.machines.db, project)
  const teacher = new Teacher(env)
  await teacher.choose(url('small'), 'small.gguf')
  await teacher.load(project.id)
  return { teacher, env, project }
}

describe('Teacher.load', () => {
  test('records a loaded and stored model in its project and chooses it as stored', async () => {
    const { teacher, env, project } = await makeLoaded(async () => describeTeacher('small'))
    expect(teacher.description?.card.name).toBe('small')
    expect(teacher.choice?.source).toEqual({ kind: 'stored', name: 'small.gguf' })
    expect((await getProject(env.machines.db, project.id))?.teacherName).toBe('small.gguf')
  })

  test('does not record or choose a copy that the browser did not store', async () => {
    const notStored = 'The model could not be stored.'
    const { teacher, env, project } = await makeLoaded(async () => ({
      ...describeTeacher('small'),
      notStored,
    }))
    expect(teacher.description?.notStored).toBe(notStored)
    expect(teacher.choice?.source).toEqual(url('small'))
    expect((await getProject(env.machines.db, project.id))?.teacherName).toBeUndefined()
  })

  test('reports a failure and shows the model that the worker still has', async () => {
    const { teacher } = await makeLoaded(() =>
      Promise.reject(new RetortError('OutOfMemory', 'Memory ran out.')),
    )
    expect(teacher.loading.error).toBe('Memory ran out.')
    expect(teacher.description).toBeUndefined()
  })

  test('has no model after its worker died', async () => {
    const { teacher } = await makeLoaded(async () => describeTeacher('small'))
    teacher.markLost()
    expect(teacher.description).toBeUndefined()
  })
})

describe('Teacher.chatFormat', () => {
  async function makeTeacher(keep: boolean) {
    const formats: unknown[] = []
    const env = await makeEnvironment({
      teacher: {
        inspect: async ({ source }) => card(source.kind === 'url' ? 'small' : 'other'),
        load: async ({ chatFormat }) => {
          formats.push(chatFormat)
          return { ...describeTeacher('small'), ...(chatFormat === undefined ? {} : { chatFormat }) }
        },
        describe: async () => null,
      },
    })
    const project = makeProject('Shop', 1)
    await putProject(env.machines.db, project)
    const teacher = new Teacher(env)
    teacher.keep = keep
    return { teacher, formats, projectId: project.id }
  }

  test('is passed on, and remembered with its source', async () => {
    const { teacher, formats, projectId } = await makeTeacher(false)
    await teacher.choose(url('small'), 'small.gguf')
    expect(teacher.chatFormat).toBeUndefined()
    teacher.chatFormat = 'llama-3'
    await teacher.load(projectId)
    await teacher.choose(url('another'), 'another.gguf')
    expect(teacher.chatFormat).toBeUndefined()
    await teacher.load(projectId)
    await teacher.choose(url('small'), 'small.gguf')
    expect(teacher.chatFormat).toBe('llama-3')
    expect(formats).toEqual(['llama-3', undefined])
  })

  test('is remembered with the stored copy too', async () => {
    const { teacher, projectId } = await makeTeacher(true)
    await teacher.choose(url('small'), 'small.gguf')
    teacher.chatFormat = 'gemma'
    await teacher.load(projectId)
    expect(teacher.choice?.source).toEqual({ kind: 'stored', name: 'small.gguf' })
    await teacher.choose({ kind: 'stored', name: 'small.gguf' }, 'small.gguf')
    expect(teacher.chatFormat).toBe('gemma')
  })

  test('of the loaded model loads that one again, whatever is chosen meanwhile', async () => {
    const { teacher, formats, projectId } = await makeTeacher(false)
    await teacher.choose(url('small'), 'small.gguf')
    await teacher.load(projectId)
    await teacher.choose(url('another'), 'another.gguf')
    teacher.chatFormat = 'zephyr'
    await teacher.chooseChatFormat('phi-3')
    expect(formats).toEqual([undefined, 'phi-3'])
    expect(teacher.choice?.name).toBe('small.gguf')
    expect(teacher.description?.chatFormat).toBe('phi-3')
    await teacher.chooseChatFormat(undefined)
    expect(formats.at(-1)).toBeUndefined()
    expect(teacher.chatFormat).toBeUndefined()
  })

  test('is set as it was when a run is resumed', async () => {
    const { teacher, formats, projectId } = await makeTeacher(false)
    const choice = { source: url('small'), name: 'small.gguf' }
    const loaded = { backend: 'wasm', contextLength: 512 } as const
    await teacher.chooseAndLoad(choice, projectId, { ...loaded, chatFormat: 'chatml' })
    await teacher.chooseAndLoad(choice, projectId, loaded)
    expect(formats).toEqual(['chatml', undefined])
  })
})

test('an answer grows while it streams and ends with the final text', async () => {
  const seen: string[] = []
  const env = await makeEnvironment({
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
          result: { id, text: 'It is blue.', finishReason: 'end', promptTokens: 3, tokens: 4 },
        })
        return { promptTokens: 3, sharedTokens: 0, newTokens: 4, ms: 1 }
      },
    },
  })
  const teacher = new Teacher(env)
  await teacher.sync()
  await teacher.tryPrompt('  ')
  expect(teacher.triedPrompt).toBe('')
  await teacher.tryPrompt('Why?')
  expect(seen).toEqual(['It', 'It is', 'It is blue'])
  expect(teacher.answer).toBe('It is blue.')
})
