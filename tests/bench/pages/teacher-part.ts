// Knows: how fast a real teacher generates with batch size 8 and 1.
import type { PromptInput, CompletionRequest } from '../../../src/domain/completion-request.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import type { PartResult } from '../measure.ts'

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

export const requestFor = (id: string, input: PromptInput, maxTokens: number): CompletionRequest => ({
  id,
  input,
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

/** Sixteen completions of up to 64 tokens, with batch size 8 and 1; prefill is part of the time. */
export async function measureGeneration(): Promise<PartResult> {
  const teacher = await openTeacher()
  const requests = [0, 1].flatMap((round) =>
    PROMPTS.map((content, index) =>
      requestFor(`${round}.${index}`, { kind: 'chat', messages: [{ role: 'user', content }] }, 64),
    ),
  )
  await teacher.complete(requests.slice(0, 1), quiet)
  const batched = await teacher.complete(requests, quiet)
  const alone = { newTokens: 0, ms: 0 }
  for (const request of requests) {
    const { newTokens, ms } = await teacher.complete([request], quiet)
    alone.newTokens += newTokens
    alone.ms += ms
  }
  await teacher.release()
  const perSecond = ({ newTokens, ms }: { newTokens: number; ms: number }): number => (newTokens * 1000) / ms
  const how = `SmolLM2-135M Q4_1, ${requests.length} completions of up to 64 tokens, prefill included`
  return {
    measured: [
      { what: 'generation, batch 8', value: perSecond(batched), unit: 'tokens/s', how },
      { what: 'generation, batch 1', value: perSecond(alone), unit: 'tokens/s', how },
    ],
    ratios: [
      {
        what: 'generation, batch 8 relative to batch 1, tokens/s',
        ratio: perSecond(batched) / perSecond(alone),
      },
    ],
  }
}
