// Knows: that our own teacher generates in this worker, opened and called as the page's worker does it.
import type { CompletionRequest } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import type { OpenOptions, GenerationJob, GenerationResult } from './writer.ts'
import { fetchModel } from './writer-page.ts'

export type WorkerRequest = { readonly open: OpenOptions } | { readonly generate: GenerationJob }
export type WorkerResponse =
  | { readonly about: string }
  | { readonly result: GenerationResult }
  | { readonly error: string }

const signal = new AbortController().signal
let teacher: EngineTeacher | undefined

async function open({ context, threads, file, weights }: OpenOptions): Promise<string> {
  teacher = await openGguf(sourceFromBlob(file, await fetchModel(file)), {
    backend: 'wasm',
    contextLength: context,
    threads,
    ...(weights === undefined ? {} : { weights }),
    signal,
    onProgress: () => undefined,
  })
  const { weights: form, batch, threads: usedThreads } = teacher.description
  return `ours, weights as ${form}, ${usedThreads} threads, batch size ${batch}`
}

async function generate(
  loaded: EngineTeacher,
  { prompts, tokens }: GenerationJob,
): Promise<GenerationResult> {
  const requests = prompts.map((text, row): CompletionRequest => ({
    id: String(row),
    input: { kind: 'raw', text },
    sampling: { ...GREEDY, maxTokens: tokens, rngSeed: '' },
  }))
  const result = { tokens: 0, promptTokens: 0, texts: prompts.map(() => '') }
  const started = new Set<string>()
  const startedAt = performance.now()
  let firstMs: number | undefined
  let from: GenerationResult['from'] | undefined
  const markStarted = (id: string): void => {
    started.add(id)
    if (started.size === prompts.length) firstMs ??= performance.now() - startedAt
  }
  await loaded.complete(requests, {
    signal,
    onPartial: (id, text) => {
      if (text !== '') markStarted(id)
    },
    // Called after the partial texts of a step, at most ten times a second.
    onProgress: ({ newTokens }) => {
      if (firstMs !== undefined) from ??= { ms: performance.now() - startedAt, tokens: newTokens }
    },
    onResult: ({ id, text, tokens: count, promptTokens, refusal }) => {
      if (refusal !== undefined) throw new Error(refusal)
      markStarted(id)
      result.texts[Number(id)] = text
      result.tokens += count
      result.promptTokens += promptTokens
    },
  })
  const ms = performance.now() - startedAt
  return { ...result, ms, firstMs: firstMs ?? ms, from: from ?? { ms, tokens: result.tokens } }
}

async function respond(request: WorkerRequest): Promise<WorkerResponse> {
  if ('open' in request) return { about: await open(request.open) }
  if (teacher === undefined) throw new Error('No model is open.')
  return { result: await generate(teacher, request.generate) }
}

globalThis.addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  respond(data).then(
    (response) => postMessage(response),
    (thrown: unknown) =>
      postMessage({
        error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      } satisfies WorkerResponse),
  )
})
