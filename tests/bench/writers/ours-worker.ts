// Knows: that our own teacher writes in this worker, opened and asked as the page's worker opens and asks it.
import { GREEDY, type CompletionRequest } from '../../../src/domain/model.ts'
import { sourceFromBlob } from '../../../src/engine/weights/source.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import type { Opening, Order, Told } from './writer.ts'
import { fetchModel } from './writer-page.ts'

export type Question = { readonly open: Opening } | { readonly write: Order }
export type Answer = { readonly about: string } | { readonly told: Told } | { readonly broken: string }

const signal = new AbortController().signal
let teacher: EngineTeacher | undefined

async function open({ context, threads, file, weights }: Opening): Promise<string> {
  teacher = await openGguf(sourceFromBlob(file, await fetchModel(file)), {
    backend: 'wasm',
    contextLength: context,
    threads,
    ...(weights === undefined ? {} : { weights }),
    signal,
    onProgress: () => undefined,
  })
  const { weights: form, batch, threads: had } = teacher.description
  return `ours, weights as ${form}, ${had} threads, ${batch} rows at once`
}

async function write(teacherHere: EngineTeacher, { prompts, tokens }: Order): Promise<Told> {
  const requests = prompts.map((text, row): CompletionRequest => ({
    id: String(row),
    asked: { kind: 'raw', text },
    sampling: { ...GREEDY, maxTokens: tokens, rngSeed: '' },
  }))
  const told = { tokens: 0, promptTokens: 0, texts: prompts.map(() => '') }
  const begun = new Set<string>()
  const began = performance.now()
  let firstMs: number | undefined
  let from: Told['from'] | undefined
  const begin = (id: string): void => {
    begun.add(id)
    if (begun.size === prompts.length) firstMs ??= performance.now() - began
  }
  await teacherHere.complete(requests, {
    signal,
    onPartial: (id, text) => {
      if (text !== '') begin(id)
    },
    // Told after the partial texts of a step, at most ten times a second.
    onProgress: ({ newTokens }) => {
      if (firstMs !== undefined) from ??= { ms: performance.now() - began, tokens: newTokens }
    },
    onResult: ({ id, text, tokens: count, promptTokens, refusal }) => {
      if (refusal !== undefined) throw new Error(refusal)
      begin(id)
      told.texts[Number(id)] = text
      told.tokens += count
      told.promptTokens += promptTokens
    },
  })
  const ms = performance.now() - began
  return { ...told, ms, firstMs: firstMs ?? ms, from: from ?? { ms, tokens: told.tokens } }
}

async function answer(question: Question): Promise<Answer> {
  if ('open' in question) return { about: await open(question.open) }
  if (teacher === undefined) throw new Error('No model is open.')
  return { told: await write(teacher, question.write) }
}

globalThis.addEventListener('message', ({ data }: MessageEvent<Question>) => {
  answer(data).then(
    (told) => postMessage(told),
    (thrown: unknown) =>
      postMessage({
        broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      } satisfies Answer),
  )
})
