// Knows: how weights from any file become a teacher on this program's own engine.
// Must not know: files.
import type { ModelForm, SizedCard } from '../../src/domain/model-card.ts'
import { SAMPLING_NAMES } from '../../src/domain/sampling.ts'
import type { Capabilities } from '../../src/domain/teacher-description.ts'
import {
  bytesOfForm,
  expectedWeights,
  isKernelForm,
  type KernelWeightForm,
  type WeightForm,
} from '../../src/domain/weight-form.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import { MAX_LOG_PROBS } from '../../src/engine/generation/requests.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import { availableThreads } from '../../src/engine/runtime/start.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { setBestBatchSize } from './batch-size.ts'
import { EngineTeacher } from './engine-teacher.ts'
import { loadOnKernels, openPageKernels, type KernelSource, type OpenKernels } from './kernels.ts'
import type { OpenOptions } from './teacher.ts'
import { chooseWeightForm, WASM_LIMIT, type GraphForm } from './weight-form.ts'

/** Batch size if none was measured on this machine. */
const BATCH_SIZE = 8

/** What the cost of rounding is measured on if a project has no seeds. */
const SAMPLES = [
  'Write a short reply to a customer whose parcel came three days late, and offer a refund of the postage.',
  'A train leaves at 9:40 and arrives at 13:05. How long does the journey take? Explain each step.',
]

export interface EngineOptions extends OpenOptions {
  /** Number of threads; for measurements. */
  readonly threads?: number
  /** An open runtime, for use outside a browser. */
  readonly runtime?: Runtime
  /** How the kernels are opened, for use outside a browser; absent: from the page's files. */
  readonly openKernels?: OpenKernels
}

/** A model whose weights the engine reads. */
export interface ReadableModel {
  readonly card: SizedCard
  readonly tokenizer: TextTokenizer
  readonly loadWeights: (form: GraphForm) => Promise<LoadedWeights>
  /** Its weights for the kernels. */
  readonly forKernels: (hooks: Pick<EngineOptions, 'signal' | 'onProgress'>) => KernelSource
  /** Available forms of the weights; absent: both. */
  readonly forms?: readonly GraphForm[]
}

/** Capabilities of every model that runs on this engine. */
export const capabilitiesOf = (card: {
  readonly hasChatTemplate: boolean
  readonly form: ModelForm
}): Capabilities => ({
  chat: card.hasChatTemplate,
  rawPrompts: true,
  scores: true,
  embeddings: card.form !== 'onnx', // such a graph has no hidden states among its outputs
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

/** A model that is ready to generate, and how it is computed. */
interface BuiltModel {
  readonly generator: Generator
  readonly machine: Pick<Runtime, 'backend' | 'threads' | 'device'>
  readonly form: WeightForm
  readonly notes: readonly string[]
}

/**
 * Loads and builds the model; with the kernels if these were chosen and work here, else on the runtime, with a note that says why. Throws
 * `ModelRefused` with the reason, EngineError if the machine fails, AbortError when stopped.
 */
export async function openEngineTeacher(
  model: ReadableModel,
  options: EngineOptions,
): Promise<EngineTeacher> {
  const { card, tokenizer } = model
  const { backend, chatFormat, batchStore: store, signal, onProgress } = options
  const built = await buildModel(model, options)
  const { generator, machine, form } = built
  onProgress({ phase: 'warming', done: 0, total: 0 })
  const batchNote = await setBestBatchSize(generator, machine, {
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
    threads: machine.threads,
    contextLength: generator.contextLength,
    batch: generator.batchSize,
    weights: form,
    ...(tokenizer.templateFamily === chatFormat && chatFormat !== undefined ? { chatFormat } : {}),
    capabilities: capabilitiesOf(card),
    notes: [...built.notes, ...(batchNote === undefined ? [] : [batchNote]), ...noteMachine(machine, card)],
  }
  return new EngineTeacher(description, tokenizer, generator)
}

async function buildModel(model: ReadableModel, options: EngineOptions): Promise<BuiltModel> {
  const { weights, backend, runtime, openKernels } = options
  // A runtime without kernels is opened where there is no page: in tests and measurements.
  const canChoose = backend === 'wasm' && (runtime === undefined || openKernels !== undefined)
  const form = weights ?? (canChoose ? expectedWeights(model.card.memoryBytes, backend) : undefined)
  if (!isKernelForm(form)) return buildOnRuntime(model, options)
  const built = await buildOnKernels(model, form, options)
  if (typeof built !== 'string') return built
  const other = await buildOnRuntime(model, options)
  return { ...other, notes: [`Retort’s own kernels are not used, because ${built}.`, ...other.notes] }
}

/** The model on the kernels; else why not, as a phrase after "because". */
async function buildOnKernels(
  { card, tokenizer, forKernels }: ReadableModel,
  form: KernelWeightForm,
  {
    backend,
    contextLength,
    threads,
    samples = SAMPLES,
    openKernels = openPageKernels,
    ...hooks
  }: EngineOptions,
): Promise<BuiltModel | string> {
  if (backend !== 'wasm') return 'they run on the processor only'
  const bytes = bytesOfForm(card.memoryBytes, form)
  if (bytes > WASM_LIMIT)
    throw new RetortError(
      'ModelRefused',
      `“${card.name}” needs about ${(bytes / 2 ** 30).toFixed(1)} GiB, and WebAssembly has 4. Choose a smaller model, one with fewer bits, or the graphics card.`,
    )
  const loaded = await loadOnKernels(forKernels(hooks), {
    openKernels,
    threads,
    form,
    contextLength,
    batchSize: BATCH_SIZE,
    samples: samples.map((text) =>
      card.hasChatTemplate
        ? tokenizer.encodeChat([{ role: 'user', content: text }])
        : tokenizer.encode(text, { special: false }),
    ),
  })
  if (typeof loaded === 'string') return loaded
  return {
    generator: Generator.over(loaded.model, tokenizer),
    machine: { backend, threads: loaded.threads },
    form,
    notes: loaded.notes,
  }
}

async function buildOnRuntime(
  { card, tokenizer, loadWeights, forms }: ReadableModel,
  { backend, contextLength, weights: preferred, onProgress, threads, runtime: openedRuntime }: EngineOptions,
): Promise<BuiltModel> {
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
  return { generator, machine: runtime, form, notes: [note] }
}
