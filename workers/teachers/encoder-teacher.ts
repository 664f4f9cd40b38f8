// Knows: a sentence encoder as a teacher: it embeds, and refuses everything else with a sentence.
// Must not know: files, threads.
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
} from '../../src/domain/completion-request.ts'
import type { Backend } from '../../src/domain/machine.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import type { Capabilities, TeacherDescription } from '../../src/domain/teacher-description.ts'
import type { GenerationProgress } from '../../src/engine/generation/generator.ts'
import { ProgressTracker } from '../../src/engine/generation/progress-tracker.ts'
import { onHost, type Session } from '../../src/engine/runtime/types.ts'
import type { WordPiece } from '../../src/engine/tokenizers/word-piece.ts'
import { toUnitHalves } from '../../src/engine/weights/directions.ts'
import type { EncoderFolder } from '../../src/engine/weights/hugging-face/encoder-folder.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { RequestHooks, Teacher } from './teacher.ts'

const CAPABILITIES: Capabilities = {
  chat: false,
  rawPrompts: false,
  scores: false,
  embeddings: true,
  softTargets: false,
  logProbs: 0,
  sampling: [],
  seeded: true,
  outputFormats: [],
}

/** Max texts of a run, tokens of it with padding, and numbers of the attention of one head. */
const MAX_BATCH = 16
const MAX_TOKENS = 4096
const MAX_ATTENTION = 2 ** 20
/** Added to the attention of padding: its share is then zero. */
const MASKED = -1e9

interface Row {
  readonly id: string
  readonly ids: readonly number[]
  readonly isCut: boolean
}

export class EncoderTeacher implements Teacher {
  readonly description: TeacherDescription & { readonly card: SizedCard }
  readonly #tokenizer: WordPiece
  readonly #folder: EncoderFolder
  readonly #session: Session
  #lastCall: Promise<unknown> = Promise.resolve()

  constructor({
    card,
    backend,
    threads,
    folder,
    tokenizer,
    session,
  }: {
    readonly card: SizedCard
    readonly backend: Backend
    readonly threads: number
    readonly folder: EncoderFolder
    readonly tokenizer: WordPiece
    readonly session: Session
  }) {
    this.#tokenizer = tokenizer
    this.#folder = folder
    this.#session = session
    this.description = {
      card,
      backend,
      threads,
      contextLength: folder.maxTokens,
      batch: MAX_BATCH,
      weights: 'f32',
      capabilities: CAPABILITIES,
      notes: [
        `A sentence encoder: it makes a vector of ${folder.shape.width} numbers of a text, and writes nothing. It reads the first ${folder.maxTokens} tokens of a text.`,
      ],
    }
  }

  embed = (
    requests: readonly EmbedRequest[],
    hooks: RequestHooks<EmbedResult>,
  ): Promise<GenerationProgress> => {
    // One call at a time: batches of two calls would need the memory of both.
    const next = this.#lastCall.then(() => this.#embed(requests, hooks))
    this.#lastCall = next.catch(() => undefined)
    return next
  }

  async #embed(
    requests: readonly EmbedRequest[],
    { signal, onResult, onProgress }: RequestHooks<EmbedResult>,
  ): Promise<GenerationProgress> {
    const tracker = new ProgressTracker(onProgress)
    await tracker.tick(signal)
    const { maxTokens } = this.#folder
    const rows = requests
      .map(({ id, text }): Row => ({ id, ...this.#tokenizer.encode(text, maxTokens) }))
      .toSorted((a, b) => a.ids.length - b.ids.length) // rows of similar length need the least padding
    while (rows.length > 0) {
      const batch = rows.splice(0, countRows(rows))
      const vectors = await this.#run(batch)
      batch.forEach(({ id, isCut, ids }, i) => {
        tracker.promptTokens += ids.length
        const { width } = this.#folder.shape
        const vector = toUnitHalves(vectors.subarray(i * width, (i + 1) * width))
        onResult(
          vector === undefined
            ? { id, vector: new Uint16Array(0), refusal: 'The model computed no numbers for this text.' }
            : { id, vector, ...(isCut ? { cut: true } : {}) },
        )
      })
      await tracker.tick(signal)
    }
    onProgress(tracker.progress)
    return tracker.progress
  }

  /** The pooled vectors of a batch, [batch, width]. */
  async #run(batch: readonly Row[]): Promise<Float32Array> {
    const count = batch.length
    const length = Math.max(...batch.map(({ ids }) => ids.length))
    const ids = new BigInt64Array(count * length)
    const mask = new Float32Array(count * length).fill(MASKED)
    const pool = new Float32Array(count * length)
    batch.forEach((row, i) => {
      row.ids.forEach((id, at) => {
        ids[i * length + at] = BigInt(id)
        mask[i * length + at] = 0
        if (this.#folder.pooling === 'mean') pool[i * length + at] = 1 / row.ids.length
      })
      if (this.#folder.pooling === 'first') pool[i * length] = 1
    })
    const places = BigInt64Array.from({ length }, (_, at) => BigInt(at))
    const outputs = await this.#session.run({
      ids: { dtype: 'i64', shape: [count, length], data: ids },
      places: { dtype: 'i64', shape: [length], data: places },
      mask: { dtype: 'f32', shape: [count, 1, 1, length], data: mask },
      pool: { dtype: 'f32', shape: [count, 1, length], data: pool },
    })
    const { data } = onHost(outputs, 'pooled')
    if (!(data instanceof Float32Array)) throw new TypeError('the encoder returned no floats')
    return data
  }

  async complete(
    requests: readonly CompletionRequest[],
    { onResult }: RequestHooks<CompletionResult>,
  ): Promise<GenerationProgress> {
    for (const { id } of requests)
      onResult({
        id,
        text: '',
        finishReason: 'aborted',
        promptTokens: 0,
        tokens: 0,
        refusal: `${this.description.card.name} is a sentence encoder and writes no text. Load a language model for this role.`,
      })
    return new ProgressTracker(undefined).progress
  }

  score(): Promise<GenerationProgress> {
    return Promise.reject(
      new RetortError(
        'ModelRefused',
        `${this.description.card.name} is a sentence encoder and gives no scores. Load a language model for this role.`,
      ),
    )
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    return texts.map((text) => this.#tokenizer.encode(text, Infinity).ids.length)
  }

  async release(): Promise<void> {
    await this.#lastCall
    await this.#session.release()
  }
}

/** How many of these rows, the shortest first, are computed together. */
function countRows(rows: readonly Row[]): number {
  let count = 1
  for (; count < Math.min(rows.length, MAX_BATCH); count++) {
    const length = rows[count]?.ids.length ?? 0
    if ((count + 1) * length > MAX_TOKENS || (count + 1) * length ** 2 > MAX_ATTENTION) break
  }
  return count
}
