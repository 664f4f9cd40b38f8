// Knows: how weights from any file become a teacher on this program's own engine.
// Must not know: files.
import { SAMPLING_NAMES, type SizedCard, type TeacherGives, type WeightForm } from '../../src/domain/model.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import { MOST_LOG_PROBS } from '../../src/engine/generation/requests.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import { useBestBatch } from './best-batch.ts'
import { EngineTeacher } from './engine-teacher.ts'
import type { OpenOptions } from './teacher.ts'
import { chooseWeightForm } from './weight-form.ts'

/** Rows worked on together where nothing was tried on the machine. */
const BATCH = 8

export interface EngineOptions extends OpenOptions {
  /** Threads wanted; for measuring. */
  readonly threads?: number
  /** One that is open already: outside of a browser. */
  readonly runtime?: Runtime
}

/** A model whose weights are read here. */
export interface ReadableModel {
  readonly card: SizedCard
  readonly tokenizer: TextTokenizer
  readonly loadWeights: (form: WeightForm) => Promise<LoadedWeights>
  /** Forms in which the weights can be had; absent: both. */
  readonly forms?: readonly WeightForm[]
}

/** What every model gives that this engine runs. */
export const givesOf = (card: { readonly hasChatTemplate: boolean }): TeacherGives => ({
  chat: card.hasChatTemplate,
  rawPrompts: true,
  scores: true,
  traces: true,
  logProbs: MOST_LOG_PROBS,
  sampling: SAMPLING_NAMES,
  seeded: true,
  formats: [],
})

/** What a person should know of how it runs here. */
export function noteMachine(
  { backend, threads }: Pick<Runtime, 'backend' | 'threads'>,
  { hasChatTemplate }: { readonly hasChatTemplate: boolean },
): string[] {
  const notes: string[] = []
  if (backend === 'wasm' && threads === 1)
    notes.push(
      'One thread: this page is not isolated from others, so the browser gives it no more. It is several times slower than it could be.',
    )
  if (!hasChatTemplate)
    notes.push('The file has no chat template: the model can continue text, but not answer chats.')
  return notes
}

/** Loads and builds the model. Throws `ModelRefused` with the reason, EngineError where the machine fails, AbortError when stopped. */
export async function openEngineTeacher(
  { card, tokenizer, loadWeights, forms }: ReadableModel,
  {
    backend,
    contextLength,
    weights: wanted,
    batches: known,
    signal,
    onProgress,
    threads,
    runtime: given,
  }: EngineOptions,
): Promise<EngineTeacher> {
  const { form, note } = chooseWeightForm(backend, card, {
    ...(wanted === undefined ? {} : { wanted }),
    ...(forms === undefined ? {} : { forms }),
  })
  const runtime = given ?? (await openRuntime({ backend, ...(threads === undefined ? {} : { threads }) }))
  const weights = await loadWeights(form)
  onProgress({ phase: 'building', done: 0, total: 0 })
  const generator = await Generator.create(runtime, weights, tokenizer, { maxBatch: BATCH, contextLength })
  onProgress({ phase: 'warming', done: 0, total: 0 })
  const batchNote = await useBestBatch(generator, runtime, {
    card,
    form,
    known,
    now: () => performance.now(),
  })
  if (signal.aborted) {
    await generator.release()
    signal.throwIfAborted()
  }
  const description: EngineTeacher['description'] = {
    card,
    backend,
    threads: runtime.threads,
    contextLength: generator.contextLength,
    batch: generator.maxBatch,
    weights: form,
    gives: givesOf(card),
    notes: [note, ...(batchNote === undefined ? [] : [batchNote]), ...noteMachine(runtime, card)],
  }
  return new EngineTeacher(description, tokenizer, generator)
}
