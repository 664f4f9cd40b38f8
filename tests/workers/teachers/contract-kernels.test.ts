// Teachers on this program's own kernels meet the contract of every teacher, and where the kernels cannot run a model, the runtime does.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { workAlone } from '../../../src/engine/kernels/team.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { fromFloats } from '../../../workers/teachers/kernel-sources.ts'
import { openEngineTeacher } from '../../../workers/teachers/open-engine-teacher.ts'
import type { OpenKernels } from '../../../workers/teachers/kernels.ts'
import { openTestKernels } from '../../engine/kernels/open-kernels.ts'
import { byteTokenizer, makeTinyWeights, TINY } from '../../engine/small-model.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { describeTeacherContract } from './contract.ts'

const openKernels: OpenKernels = async () => {
  const kernels = await openTestKernels()
  return { kernels, team: workAlone(kernels) }
}
const options = {
  backend: 'wasm',
  contextLength: 512,
  weights: 'kernels',
  signal: new AbortController().signal,
  onProgress: () => undefined,
} as const
const path = fileURLToPath(new URL('../../../public/teacher/corner-shop.gguf', import.meta.url))
const readBuiltIn = () => sourceFromBytes('corner-shop.gguf', new Uint8Array(readFileSync(path)))

describeTeacherContract(
  'The built-in teacher on kernels',
  () => openGguf(readBuiltIn(), { ...options, openKernels }),
  {
    input: {
      kind: 'chat',
      messages: [
        {
          role: 'user',
          content: 'A customer of a shop writes: “The lamp that I bought came broken.” Write a reply.',
        },
      ],
    },
  },
)

test('says that the kernels are in use and what they cost', async () => {
  const teacher = await openGguf(readBuiltIn(), { ...options, openKernels })
  const { weights, threads, notes } = teacher.description
  expect({ weights, threads }).toEqual({ weights: 'kernels', threads: 1 })
  expect(notes[0]).toMatch(
    /^The weights are floats, as in the file \(\d+ MB, plain SIMD\), and nothing is rounded/,
  )
  await teacher.release()
})

test('uses the runtime where kernels do not start, on the graphics card’s terms or without a file, and says why', async () => {
  const broken = await openGguf(readBuiltIn(), {
    ...options,
    runtime: await openTestRuntime(),
    openKernels: () => Promise.reject(new Error('This browser computes integer products wrong.')),
  })
  expect(broken.description.weights).toBe('f32')
  expect(broken.description.notes[0]).toBe(
    'Retort’s own kernels are not used, because they did not start (This browser computes integer products wrong).',
  )
  expect(broken.description.notes[1]).toMatch(/^The weights are stored as floats/)
  await broken.release()
  const { layers, width, vocabulary, context } = TINY
  const card = {
    name: 'Tiny',
    form: 'gguf',
    fileName: 'tiny.gguf',
    fileBytes: 1,
    architecture: 'llama',
    parameters: 1,
    quantisation: 'F32',
    tensorTypes: {},
    contextLength: context,
    vocabularySize: vocabulary,
    layers,
    width,
    memoryBytes: { wasm: 1, webgpu: 1 },
    fingerprint: '0'.repeat(16),
    hasChatTemplate: false,
  } as const
  // Vectors hold four numbers, so that heads of another width are left to the runtime.
  const odd = makeTinyWeights({ ...TINY, headWidth: 12, width: 24 })
  const floats = await openEngineTeacher(
    {
      card,
      tokenizer: byteTokenizer,
      loadWeights: async () => odd,
      forKernels: () => fromFloats(odd.shape, async () => odd),
    },
    { ...options, runtime: await openTestRuntime(), openKernels },
  )
  expect(floats.description.notes[0]).toMatch(
    /because its heads have a width of 12, which is no multiple of 8\.$/,
  )
  await floats.release()
})

test('ends its threads when loading is stopped', async () => {
  let released = 0
  const stop = new AbortController()
  const loading = openGguf(readBuiltIn(), {
    ...options,
    signal: stop.signal,
    openKernels: async () => {
      const kernels = await openTestKernels()
      stop.abort()
      return { kernels, team: { ...workAlone(kernels), release: async () => void released++ } }
    },
  })
  await expect(loading).rejects.toMatchObject({ name: 'AbortError' })
  expect(released).toBe(1)
})
