// Knows: a teacher from a GGUF file: what loading takes, in which form its weights go to which backend, how it is asked.
// Must not know: where the file came from (locate-model.ts), threads (workers/teacher.ts).
import type { Backend, CompletionRequest, CompletionResult, ScoreRequest, ScoreResult, TeacherDescription } from '../../src/domain/model.ts'
import { Generator, type Progress, type Scorable, type Scored, type Traceable, type Traced, type TraceOptions } from '../../src/engine/generation/generator.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { loadGgufWeights, type WeightKind } from '../../src/engine/weights/llama-gguf.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'
import { toGenerateRequest, toScorable } from './ask.ts'
import { readGgufCard } from './gguf-card.ts'

/** A wasm heap ends at 4 GiB; the runtime's own working memory takes its share of it. */
const WASM_LIMIT = 3.6 * 2 ** 30
/** Rows worked on together: measured best on wasm at contexts of some hundred tokens. */
const BATCH = 8

export interface OpenTeacher {
  readonly backend: Backend
  readonly contextLength: number
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
  /** Threads wanted; for measuring. */
  readonly threads?: number
  /** One that is open already: outside of a browser. */
  readonly runtime?: Runtime
}

export interface AskHooks<Result> {
  readonly signal: AbortSignal
  readonly onResult: (result: Result) => void
  readonly onProgress: (progress: Progress) => void
  readonly onPartial?: (id: string, text: string) => void
}

/** Dense floats are fastest on wasm; packed bits where floats do not fit, and on the GPU, where they are exact and smaller. */
function chooseWeights(backend: Backend, memory: { wasm: number; webgpu: number }, fileName: string): { kind: WeightKind; note?: string } {
  if (backend === 'webgpu') return { kind: 'nb4s' }
  if (memory.wasm <= WASM_LIMIT) return { kind: 'f32' }
  // Packed weights take on wasm what they take on the GPU: the estimate counts both copies.
  if (memory.webgpu <= WASM_LIMIT) return { kind: 'nb4s', note: 'The weights stay packed because floats would not fit into the memory of wasm: writing is several times slower. WebGPU is faster where it is available.' }
  const need = (memory.webgpu / 2 ** 30).toFixed(1)
  throw new RetortError('ModelRefused', `“${fileName}” needs about ${need} GiB, and wasm has 4. Choose a smaller model, one with fewer bits, or WebGPU.`)
}

export class GgufTeacher {
  readonly description: TeacherDescription
  readonly #tokenizer: TextTokenizer
  readonly #generator: Generator

  private constructor(description: TeacherDescription, tokenizer: TextTokenizer, generator: Generator) {
    this.description = description
    this.#tokenizer = tokenizer
    this.#generator = generator
  }

  /** Loads the model. Throws `ModelRefused` with the reason, EngineError where the machine fails, AbortError when stopped. */
  static async open(source: ByteSource, { backend, contextLength, signal, onProgress, threads, runtime: given }: OpenTeacher): Promise<GgufTeacher> {
    const { header, card, tokenizer } = await readGgufCard(source)
    const { kind, note } = chooseWeights(backend, card.memoryBytes, card.fileName)
    const runtime = given ?? await openRuntime({ backend, ...(threads === undefined ? {} : { threads }) })
    const weights = await loadGgufWeights(header, source, kind, (done, total) => onProgress({ phase: 'reading', done, total }), signal)
    onProgress({ phase: 'building', done: 0, total: 0 })
    const generator = await Generator.create(runtime, weights, tokenizer, { maxBatch: BATCH, contextLength })
    if (signal.aborted) {
      await generator.release()
      signal.throwIfAborted()
    }
    const notes = note === undefined ? [] : [note]
    if (backend === 'wasm' && runtime.threads === 1) notes.push('One thread: this page is not isolated from others, so the browser gives it no more. It is several times slower than it could be.')
    if (!card.hasChatTemplate) notes.push('The file has no chat template: the model can continue text, but not answer chats.')
    const description: TeacherDescription = {
      card,
      backend,
      threads: runtime.threads,
      contextLength: generator.contextLength,
      batch: generator.maxBatch,
      gives: { chat: card.hasChatTemplate, rawPrompts: true, scores: true },
      notes,
    }
    return new GgufTeacher(description, tokenizer, generator)
  }

  /** Completes many requests; one that cannot be asked is told with a refusal and ends nothing. */
  complete(requests: readonly CompletionRequest[], { onResult, ...hooks }: AskHooks<CompletionResult>): Promise<Progress> {
    const ready = requests.flatMap((request) => {
      try {
        return [toGenerateRequest(request, this.#tokenizer)]
      } catch (thrown) {
        onResult({ id: request.id, text: '', ending: 'aborted', promptTokens: 0, tokens: 0, refusal: sentenceOf(thrown) })
        return []
      }
    })
    return this.#generator.generate(ready, {
      ...hooks,
      onResult: ({ id, text, tokens, ending, promptTokens, refusal }) => onResult({ id, text, ending, promptTokens, tokens: tokens.length, ...(refusal === undefined ? {} : { refusal }) }),
    })
  }

  /** Log-probabilities of continuations, many at a time. */
  score(requests: readonly ScoreRequest[], { onResult, onPartial: _none, ...hooks }: AskHooks<ScoreResult>): Promise<Progress> {
    const ready = requests.flatMap((request) => {
      try {
        return [toScorable(request, this.#tokenizer)]
      } catch (thrown) {
        onResult({ id: request.id, logProbs: [], refusal: sentenceOf(thrown) })
        return []
      }
    })
    return this.#generator.score(ready, { ...hooks, onResult })
  }

  /** What cuts texts into the model's tokens. */
  get tokenizer(): TextTokenizer {
    return this.#tokenizer
  }

  /** Distributions along given answers, in tokens of this model. */
  trace(requests: readonly Traceable[], options: TraceOptions, hooks: Pick<AskHooks<Traced>, 'signal' | 'onResult'>): Promise<Progress> {
    return this.#generator.trace(requests, options, hooks)
  }

  /** Log-probabilities of continuations that are tokens of this model. */
  weigh(requests: readonly Scorable[], hooks: Pick<AskHooks<Scored>, 'signal' | 'onResult'>): Promise<Progress> {
    return this.#generator.score(requests, hooks)
  }

  countTokens(texts: readonly string[]): number[] {
    return texts.map((text) => this.#tokenizer.encode(text, { special: false }).length)
  }

  release(): Promise<void> {
    return this.#generator.release()
  }
}

const sentenceOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
