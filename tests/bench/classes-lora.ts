// Knows: SmolLM2-135M as a classifier: zero-shot, by the probabilities of its two answers; and with adapters trained on labels.
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import { initialAdapters, mergeAdapters, type AdapterOptions } from '../../src/engine/training/adapters.ts'
import { readFrozen } from '../../src/engine/training/frozen-decoder.ts'
import { countPredictions, makeBatch, packRows, positionsOf } from '../../src/engine/training/packing.ts'
import { learningRateAt } from '../../src/engine/training/schedules/index.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'
import { initialState, Trainer } from '../../src/engine/training/trainer.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import { loadGgufWeights } from '../../src/engine/weights/gguf/llama-gguf.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { readGgufCard } from '../../workers/teachers/gguf-card.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/templates/answer-end.ts'
import { scoreClasses, type TokenScoringTeacher } from '../../workers/teachers/class-soft-targets.ts'
import { openSharedModel } from '../engine/shared-model.ts'
import { labelPrompt, LABELS, type Labelled } from './classes-data.ts'

const signal = new AbortController().signal
const CONTEXT = 160
/** A common size for models of this kind: every projection, rank 8. */
const ADAPTERS: AdapterOptions = {
  rank: 8,
  alpha: 16,
  targets: ['q', 'k', 'v', 'output', 'gate', 'up', 'down'],
}
const BATCH = 8
/** Rows are padded to multiples of this: each length has its own graph. */
const LENGTH_STEP = 32

export interface LoraSettings {
  readonly steps: number
  readonly learningRate: number
  /** Maximum training time; remaining steps are skipped. */
  readonly seconds: number
}

export class Smol {
  readonly #runtime: Runtime
  readonly #weights: LoadedWeights
  readonly #tokenizer: TextTokenizer

  private constructor(runtime: Runtime, weights: LoadedWeights, tokenizer: TextTokenizer) {
    this.#runtime = runtime
    this.#weights = weights
    this.#tokenizer = tokenizer
  }

  static async open(runtime: Runtime): Promise<Smol> {
    const source = openSharedModel()
    const { header, tokenizer } = await readGgufCard(source)
    return new Smol(runtime, await loadGgufWeights(header, source, 'f32'), tokenizer)
  }

  /** Zero-shot label probabilities of each sentence. */
  scoreLabels(sentences: readonly Labelled[]): Promise<TeacherRow[]> {
    return this.#scoreLabelsWith(this.#weights, sentences)
  }

  async #scoreLabelsWith(weights: LoadedWeights, sentences: readonly Labelled[]): Promise<TeacherRow[]> {
    const generator = await Generator.create(this.#runtime, weights, this.#tokenizer, {
      batchSize: 8,
      contextLength: CONTEXT,
    })
    const teacher: Pick<TokenScoringTeacher, 'tokenizer' | 'scoreTokens'> = {
      tokenizer: this.#tokenizer,
      scoreTokens: (requests, hooks) => generator.score(requests, hooks),
    }
    try {
      return await scoreClasses(
        teacher,
        sentences.map(({ text }) => ({ system: '', prompt: labelPrompt(text) })),
        LABELS,
        1,
        signal,
      )
    } finally {
      await generator.release()
    }
  }

  /** Trains adapters on all projections to answer with the label in the model's own template; then scores with the merged model. */
  async adapt(
    train: readonly Labelled[],
    test: readonly Labelled[],
    { steps, learningRate, seconds }: LoraSettings,
  ): Promise<{
    readonly probabilities: TeacherRow[]
    readonly steps: number
    readonly seconds: number
    readonly loss: number
  }> {
    const { shape } = this.#weights
    const frozen = readFrozen(this.#weights)
    const rng = makeRng('bench/classes/lora')
    const trainer = new Trainer(
      this.#runtime,
      { shape, weightDecay: 0, maxGradientNorm: 1, adapts: { ...ADAPTERS, frozen } },
      initialState(initialAdapters(shape, ADAPTERS, () => rng.next())),
    )
    const end = findAnswerEnd(this.#tokenizer)
    const rows = packRows(
      train.map(({ text, label }) => ({
        prompt: this.#tokenizer.encode(
          this.#tokenizer.renderChat([{ role: 'user', content: labelPrompt(text) }], {
            addGenerationPrompt: true,
          }),
        ),
        completion: [
          ...this.#tokenizer.encode(LABELS[label] ?? '', { special: false }),
          ...(end === undefined ? [] : [end]),
        ],
      })),
      CONTEXT,
    ).rows
    const from = performance.now()
    let order: (typeof rows)[number][] = []
    let smoothedLoss = Number.NaN
    let done = 0
    while (done < steps && performance.now() - from < 1000 * seconds) {
      if (order.length < BATCH) order = shuffle([...rows], rng)
      const batch = order.splice(0, BATCH)
      const length = Math.ceil(Math.max(...batch.map(positionsOf)) / LENGTH_STEP) * LENGTH_STEP
      done += 1
      const { loss } = await trainer.train(
        makeBatch(
          batch.map((row) => [row]),
          BATCH,
          length,
          { countedInStep: countPredictions(batch.map((row) => [row])) },
        ),
        learningRateAt(done, { steps, learningRate, warmUp: 0.1 }),
      )
      smoothedLoss = Number.isNaN(smoothedLoss) ? loss : 0.9 * smoothedLoss + 0.1 * loss
    }
    const elapsed = (performance.now() - from) / 1000
    const adapters = await trainer.readWeights()
    await trainer.release()
    const probabilities = await this.#scoreLabelsWith(
      makeStudentWeights(shape, mergeAdapters(shape, ADAPTERS, frozen, adapters)),
      test,
    )
    return { probabilities, steps: done, seconds: elapsed, loss: smoothedLoss }
  }
}

/** The most likely label of each sentence. */
export const predictionsOf = (rows: readonly TeacherRow[]): (number | undefined)[] =>
  rows.map(({ probabilities }) =>
    probabilities.length === 0 ? undefined : (probabilities[1] ?? 0) > (probabilities[0] ?? 0) ? 1 : 0,
  )
