// Knows: how weights from any file become a teacher on this program's own engine.
// Must not know: files.
import type { SizedCard } from '../../src/domain/model-card.ts'
import { SAMPLING_NAMES } from '../../src/domain/sampling.ts'
import type { Capabilities, WeightForm } from '../../src/domain/teacher-description.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import { MAX_LOG_PROBS } from '../../src/engine/generation/requests.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import { availableThreads } from '../../src/engine/runtime/start.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import { setBestBatchSize } from './batch-size.ts'
import { EngineTeacher } from './engine-teacher.ts'
import type { OpenOptions } from './teacher.ts'
import { chooseWeightForm } from './weight-form.ts'

/** Batch size if none was measured on this machine. */
const BATCH_SIZE = 8

export interface EngineOptions extends OpenOptions {
  /** Number of threads; for measurements. */
  readonly threads?: number
  /** An open runtime, for use outside a browser. */
  readonly runtime?: Runtime
}

/** A model whose weights the engine reads. */
export interface ReadableModel {
  readonly card: SizedCard
  readonly tokenizer: TextTokenizer
  readonly loadWeights: (form: WeightForm) => Promise<LoadedWeights>
  /** Available forms of the weights; absent: both. */
  readonly forms?: readonly WeightForm[]
}

/** Capabilities of every model that runs on this engine. */
export const capabilitiesOf = (card: { readonly hasChatTemplate: boolean }): Capabilities => ({
  chat: card.hasChatTemplate,
  rawPrompts: true,
  scores: true,
  softTargets: true,
  logProbs: MAX_LOG_PROBS,
  sampling: SAMPLING_NAMES,
  seeded: true,
  outputFormats: [],
})

/** What a person should know about how the model runs here. */
export function noteMachine(
  { backend, threads }: Pick<Runtime, 'backend' | 'threads'>,
  { hasChatTemplate, chatNotes = [] }: Pick<SizedCard, 'hasChatTemplate' | 'chatNotes'>,
): string[] {
  const notes: string[] = []
  if (backend === 'wasm' && threads === 1)
    notes.push(
      availableThreads() > 1
        ? 'One thread: several were not faster on this machine, or did not start. The first screen shows what was measured.'
        : availableThreads(2) > 1
          ? 'One thread: the browser reports one core.'
          : 'One thread: this page is not cross-origin isolated, so the browser allows no more. It is several times slower than it could be.',
    )
  if (!hasChatTemplate)
    notes.push(
      chatNotes.length > 0
        ? 'The model can continue text, but not respond to chats.'
        : 'The file has no chat template: the model can continue text, but not respond to chats. If it was tuned for chats, choose its format as the chat template.',
    )
  return [...notes, ...chatNotes]
}

/** Loads and builds the model. Throws `ModelRefused` with the reason, EngineError if the machine fails, AbortError when stopped. */
export async function openEngineTeacher(
  { card, tokenizer, loadWeights, forms }: ReadableModel,
  {
    backend,
    contextLength,
    weights: preferred,
    chatFormat,
    batchStore: store,
    signal,
    onProgress,
    threads,
    runtime: openedRuntime,
  }: EngineOptions,
): Promise<EngineTeacher> {
  const runtime =
    openedRuntime ?? (await openRuntime({ backend, ...(threads === undefined ? {} : { threads }) }))
  // After the start: only then is known how much memory the browser grants.
  const heapLimit = runtime.heapLimit?.()
  const { form, note } = chooseWeightForm(backend, card, {
    ...(preferred === undefined ? {} : { preferred }),
    ...(forms === undefined ? {} : { forms }),
    ...(heapLimit === undefined ? {} : { heapLimit }),
  })
  const weights = await loadWeights(form)
  onProgress({ phase: 'building', done: 0, total: 0 })
  const generator = await Generator.create(runtime, weights, tokenizer, {
    batchSize: BATCH_SIZE,
    contextLength,
  })
  onProgress({ phase: 'warming', done: 0, total: 0 })
  const batchNote = await setBestBatchSize(generator, runtime, {
    card,
    form,
    store,
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
    batch: generator.batchSize,
    weights: form,
    ...(tokenizer.templateFamily === chatFormat && chatFormat !== undefined ? { chatFormat } : {}),
    capabilities: capabilitiesOf(card),
    notes: [note, ...(batchNote === undefined ? [] : [batchNote]), ...noteMachine(runtime, card)],
  }
  return new EngineTeacher(description, tokenizer, generator)
}
