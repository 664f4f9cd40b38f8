// Teachers on this engine meet the contract of every teacher: the built-in teacher, and a small model without a chat template.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { fromFloats } from '../../../workers/teachers/kernel-sources.ts'
import { openEngineTeacher } from '../../../workers/teachers/open-engine-teacher.ts'
import { byteTokenizer, makeTinyWeights, TINY } from '../../engine/small-model.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { describeTeacherContract } from './contract.ts'

const options = {
  backend: 'wasm',
  contextLength: 256,
  signal: new AbortController().signal,
  onProgress: () => undefined,
} as const

describeTeacherContract(
  'The built-in teacher',
  () => {
    const path = fileURLToPath(new URL('../../../public/teacher/corner-shop.gguf', import.meta.url))
    return openGguf(sourceFromBytes('corner-shop.gguf', new Uint8Array(readFileSync(path))), {
      ...options,
      contextLength: 512,
    })
  },
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

describeTeacherContract('A small model without a chat template', async () => {
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
  return openEngineTeacher(
    {
      card,
      tokenizer: byteTokenizer,
      loadWeights: async () => makeTinyWeights(),
      forKernels: () => fromFloats(TINY, async () => makeTinyWeights()),
    },
    { ...options, runtime: await openTestRuntime() },
  )
})
