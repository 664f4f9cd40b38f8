import { describe, expect, test, vi } from 'vitest'
import { freshId } from '../../../src/domain/id.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import { makeProject } from '../../../src/domain/project.ts'
import type { Student } from '../../../src/domain/student.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import type { LoadRequest } from '../../../src/protocol/teacher.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { Models } from '../../../src/state/models/models.svelte.ts'
import { Teacher } from '../../../src/state/models/teacher.svelte.ts'
import { TeacherRecall, teacherNeededBy } from '../../../src/state/models/teacher-recall.svelte.ts'
import { putProject } from '../../../src/storage/projects.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeEnvironment } from '../make-environment.ts'

/** Cards by the file name or id in a source. */
const FINGERPRINTS: Readonly<Record<string, string>> = {
  'first.gguf': 'aaaaaaaaaaaaaaaa',
  'second.gguf': 'bbbbbbbbbbbbbbbb',
}

async function makeRecall({
  served = ['first.gguf', 'second.gguf'],
  lastName = undefined as string | undefined,
  maxContext = Infinity,
  /** Until then the memory of an unloaded model is not free. */
  released = Promise.resolve(),
} = {}) {
  const loads: LoadRequest[] = []
  const inspected: string[] = []
  const student = { id: freshId('student') } as Student
  const cardOf = (name: string): ModelCard => ({
    ...DESCRIPTION.card,
    name: `Model ${name}`,
    fileName: name,
    fingerprint: FINGERPRINTS[name] ?? (name === student.id ? 'cccccccccccccccc' : 'dddddddddddddddd'),
  })
  const nameOf = (source: LoadRequest['source']): string =>
    source.kind === 'url'
      ? source.url.slice(source.url.lastIndexOf('/') + 1)
      : source.kind === 'student'
        ? source.studentId
        : '?'
  let description: TeacherDescription | undefined
  const env = await makeEnvironment({
    teacher: {
      inspect: async ({ source }) => {
        inspected.push(nameOf(source))
        if (nameOf(source) === 'damaged.gguf') throw new RetortError('ModelRefused', 'Damaged.')
        return cardOf(nameOf(source))
      },
      load: async (request) => {
        loads.push(request)
        description = {
          ...DESCRIPTION,
          card: cardOf(nameOf(request.source)),
          backend: request.backend,
          contextLength: Math.min(request.contextLength, maxContext),
          ...(request.chatFormat === undefined ? {} : { chatFormat: request.chatFormat }),
        }
        return description
      },
      unload: async () => {
        description = undefined
        await released
        return null
      },
      describe: async () => description ?? null,
    },
  })
  const fetch = vi.fn(async (address: string) =>
    address.endsWith('models/index.json')
      ? Response.json(served.map((name) => ({ name, bytes: 10, url: `models/${name}` })))
      : new Response('', { status: 404 }),
  )
  const project = makeProject('Recall', 1)
  await putProject(env.machines.db, project)
  const teacher = new Teacher(env)
  const recall = new TeacherRecall(env, project.id, {
    teacher,
    models: new Models({ ...env, fetch }),
    students: () => [student],
    lastName,
  })
  return { recall, teacher, loads, inspected, env }
}
const want = (fingerprint: string, origin?: string) => ({
  name: 'Wanted',
  fingerprint,
  ...(origin === undefined ? {} : { origin }),
})

describe('TeacherRecall', () => {
  test('finds a model by its fingerprint, past one that cannot be read, and loads it as before', async () => {
    const { recall, loads } = await makeRecall({ served: ['damaged.gguf', 'first.gguf', 'second.gguf'] })
    const loaded = await recall.recall(want('bbbbbbbbbbbbbbbb'), {
      backend: 'wasm',
      contextLength: 777,
      weights: 'nb4s',
    })
    expect(loaded?.card.fileName).toBe('second.gguf')
    expect(loads).toMatchObject([{ backend: 'wasm', contextLength: 777, weights: 'nb4s' }])
    expect(recall.waitsFor).toBeUndefined()
  })

  test('loads nothing if the model is loaded already', async () => {
    const { recall, loads } = await makeRecall()
    await recall.recall(want('aaaaaaaaaaaaaaaa'))
    expect((await recall.recall(want('aaaaaaaaaaaaaaaa')))?.card.fileName).toBe('first.gguf')
    expect(loads).toHaveLength(1)
  })

  test('loads a model again whose memory is still being freed', async () => {
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const { recall, teacher, loads } = await makeRecall({ released })
    await recall.recall(want('aaaaaaaaaaaaaaaa'))
    const unloading = teacher.unload()
    expect((await recall.recall(want('aaaaaaaaaaaaaaaa')))?.card.fileName).toBe('first.gguf')
    expect(loads).toHaveLength(2)
    release()
    await unloading
    expect(teacher.description?.card.fileName).toBe('first.gguf')
  })

  test('loads the loaded model again if a run was made with other values', async () => {
    const { recall, loads } = await makeRecall()
    const first = await recall.recall(want('aaaaaaaaaaaaaaaa'))
    const before = { backend: 'wasm', contextLength: 512, chatFormat: 'zephyr' } as const
    expect(await recall.recall(want('aaaaaaaaaaaaaaaa'), before)).toMatchObject({
      ...before,
      card: first?.card,
    })
    expect(loads).toHaveLength(2)
    await recall.recall(want('aaaaaaaaaaaaaaaa'), before)
    await recall.recall(want('aaaaaaaaaaaaaaaa'))
    expect(loads).toHaveLength(2)
    expect(recall.waitsFor).toBeUndefined()
  })

  test('says the difference if the loaded model cannot be loaded as before', async () => {
    const { recall, teacher, env } = await makeRecall({ served: [] })
    await env.machines.teacher.load({
      source: { kind: 'url', url: 'https://a.example/first.gguf' },
      backend: 'wasm',
      keep: false,
      contextLength: 1024,
    })
    await teacher.sync() // loaded by someone else: its source is not known here
    const before = { backend: 'wasm', contextLength: 512, chatFormat: 'zephyr' } as const
    expect(await recall.recall(want('aaaaaaaaaaaaaaaa'), before)).toBeUndefined()
    expect(recall.waitsFor).toBe(
      'Wanted was loaded with a context of 512 tokens, on the processor, the chat template of Zephyr before, and is loaded with a context of 1024 tokens, on the processor, its own chat template now, so it would generate other texts. Load it on the Teacher screen as before, then resume.',
    )
  })

  test('replaces another loaded model, and finds students of the project', async () => {
    const { recall, loads, teacher } = await makeRecall()
    await recall.recall(want('aaaaaaaaaaaaaaaa'))
    await recall.recall(want('cccccccccccccccc'))
    expect(loads.map(({ source }) => source.kind)).toEqual(['url', 'student'])
    expect(teacher.description?.card.fingerprint).toBe('cccccccccccccccc')
  })

  test('reads the header of the project’s last model first', async () => {
    const { recall, inspected } = await makeRecall({ lastName: 'second.gguf' })
    await recall.recall(want('bbbbbbbbbbbbbbbb'))
    expect(inspected[0]).toBe('second.gguf')
  })

  test('names the model and where it came from if it cannot be found, and keeps the loaded one', async () => {
    const { recall, teacher } = await makeRecall()
    await recall.recall(want('aaaaaaaaaaaaaaaa'))
    expect(await recall.recall(want('eeeeeeeeeeeeeeee', 'https://hub.example/wanted'))).toBeUndefined()
    expect(recall.waitsFor).toMatch(
      /^Resume needs Wanted, .* \(it came from https:\/\/hub\.example\/wanted\)/,
    )
    expect(teacher.description?.card.fingerprint).toBe('aaaaaaaaaaaaaaaa')
  })
})

test('teacherNeededBy names the teacher of on-policy distillation, and one whose soft targets are not computed', () => {
  const model = { name: 'A', fingerprint: 'aaaaaaaaaaaaaaaa', quantisation: 'F32' }
  const share = { name: 'B', fingerprint: 'bbbbbbbbbbbbbbbb', weight: 1 }
  const needed = (student: object) => teacherNeededBy(student as Student)?.name
  expect(needed({ settings: { loss: 'on-policy' }, teacher: model })).toBe('A')
  expect(needed({ settings: { loss: 'forward-kl' }, teachers: [share] })).toBe('B')
  expect(
    needed({ settings: { loss: 'forward-kl' }, teachers: [{ ...share, softTargets: 'x' }] }),
  ).toBeUndefined()
  expect(needed({ settings: { loss: 'teacher-text' } })).toBeUndefined()
})
