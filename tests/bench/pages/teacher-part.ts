// Knows: how fast a real teacher writes in batches and alone.
import type { Asked, CompletionRequest } from '../../../src/domain/model.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import type { PartAnswer } from '../measure.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
export const PROMPTS = [
  'Explain to a child of six why the sky is blue.',
  'Write a friendly reminder that an invoice is due on Friday, for a customer who has always paid in time.',
  'List three uses for an empty glass jar.',
  'What should I pack for a weekend in the mountains in late autumn, if I hate carrying things?',
  'Describe the smell of rain in two sentences.',
  'Suggest a name for a bakery that sells only rye bread, and say why it fits.',
  'How do I politely decline a wedding invitation?',
  'Summarise what a librarian does all day.',
]

export async function openTeacher(): Promise<EngineTeacher> {
  const response = await fetch(`/models/${FILE}`)
  const source = sourceFromBlob(FILE, await response.blob())
  return openGguf(source, {
    backend: 'wasm',
    contextLength: 1024,
    threads: 2,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
}

export const requestFor = (id: string, asked: Asked, maxTokens: number): CompletionRequest => ({
  id,
  asked,
  sampling: {
    temperature: 0.7,
    topK: 0,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1.1,
    maxTokens,
    stop: [],
    rngSeed: id,
  },
})
export const quiet = {
  signal: new AbortController().signal,
  onResult: () => undefined,
  onProgress: () => undefined,
}

/** Sixteen answers of at most 64 tokens, eight rows together and one after the other; prompts are computed within the time. */
export async function measureGeneration(): Promise<PartAnswer> {
  const teacher = await openTeacher()
  const requests = [0, 1].flatMap((round) =>
    PROMPTS.map((content, index) =>
      requestFor(`${round}.${index}`, { kind: 'chat', messages: [{ role: 'user', content }] }, 64),
    ),
  )
  await teacher.complete(requests.slice(0, 1), quiet)
  const together = await teacher.complete(requests, quiet)
  const alone = { newTokens: 0, ms: 0 }
  for (const request of requests) {
    const { newTokens, ms } = await teacher.complete([request], quiet)
    alone.newTokens += newTokens
    alone.ms += ms
  }
  await teacher.release()
  const perSecond = ({ newTokens, ms }: { newTokens: number; ms: number }): number => (newTokens * 1000) / ms
  const how = `SmolLM2-135M Q4_1, ${requests.length} answers of at most 64 tokens, prompts included`
  return {
    measured: [
      { what: 'writing, eight rows together', value: perSecond(together), unit: 'tokens/s', how },
      { what: 'writing, one row at a time', value: perSecond(alone), unit: 'tokens/s', how },
    ],
    ratios: [
      {
        what: 'writing eight rows together against one at a time, tokens a second',
        ratio: perSecond(together) / perSecond(alone),
      },
    ],
  }
}
