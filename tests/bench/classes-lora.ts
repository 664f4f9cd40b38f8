// Knows: SmolLM2-135M as a classifier: asked as it is, by the probabilities of its two answers; and with adapters trained on labels.
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import { makeFirstAdapters, mergeAdapters, type AdapterOptions } from '../../src/engine/training/adapters.ts'
import { readFrozen } from '../../src/engine/training/frozen-decoder.ts'
import { countPredictions, makeBatch, packRows, positionsOf } from '../../src/engine/training/packing.ts'
import { learningRateAt } from '../../src/engine/training/schedules/index.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'
import { beginState, Trainer } from '../../src/engine/training/trainer.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import { loadGgufWeights } from '../../src/engine/weights/llama-gguf.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { readGgufCard } from '../../workers/teachers/gguf-card.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/answer-end.ts'
import { weighRows, type WeighingTeacher } from '../../workers/teachers/trace-classes.ts'
import { openSharedModel } from '../engine/shared-model.ts'
import { askLabel, LABELS, type Labelled } from './classes-data.ts'

const signal = new AbortController().signal
const CONTEXT = 160
/** Of peft's usual size for models of this kind: every projection, rank 8. */
const ADAPTERS: AdapterOptions = {
  rank: 8,
  alpha: 16,
  targets: ['q', 'k', 'v', 'output', 'gate', 'up', 'down'],
}
const BATCH = 8
/** Positions that rows are padded to: lengths have a graph each. */
const STEP = 32

export interface LoraSettings {
  readonly steps: number
  readonly learningRate: number
  /** Training ends here even where steps are left. */
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

  /** Its shares of the labels for each sentence, as it came. */
  weigh(sentences: readonly Labelled[]): Promise<TeacherRow[]> {
    return this.#weighWith(this.#weights, sentences)
  }

  async #weighWith(weights: LoadedWeights, sentences: readonly Labelled[]): Promise<TeacherRow[]> {
    const generator = await Generator.create(this.#runtime, weights, this.#tokenizer, {
      maxBatch: 8,
      contextLength: CONTEXT,
    })
    const teacher: Pick<WeighingTeacher, 'tokenizer' | 'weigh'> = {
      tokenizer: this.#tokenizer,
      weigh: (requests, hooks) => generator.score(requests, hooks),
    }
    try {
      return await weighRows(
        teacher,
        sentences.map(({ text }) => ({ system: '', prompt: askLabel(text) })),
        LABELS,
        1,
        signal,
      )
    } finally {
      await generator.release()
    }
  }

  /** Adapters on all projections learn the labels as answers in the model's own template; then the merged model is asked. */
  async adapt(
    learn: readonly Labelled[],
    asked: readonly Labelled[],
    { steps, learningRate, seconds }: LoraSettings,
  ): Promise<{
    readonly shares: TeacherRow[]
    readonly steps: number
    readonly seconds: number
    readonly loss: number
  }> {
    const { shape } = this.#weights
    const frozen = readFrozen(this.#weights)
    const rng = makeRng('bench/classes/lora')
    const trainer = new Trainer(
      this.#runtime,
      { shape, weightDecay: 0, clip: 1, adapts: { ...ADAPTERS, frozen } },
      beginState(makeFirstAdapters(shape, ADAPTERS, () => rng.next())),
    )
    const end = findAnswerEnd(this.#tokenizer)
    const rows = packRows(
      learn.map(({ text, label }) => ({
        prompt: this.#tokenizer.encode(
          this.#tokenizer.renderChat([{ role: 'user', content: askLabel(text) }], {
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
    let recent = Number.NaN
    let done = 0
    while (done < steps && performance.now() - from < 1000 * seconds) {
      if (order.length < BATCH) order = shuffle([...rows], rng)
      const batch = order.splice(0, BATCH)
      const length = Math.ceil(Math.max(...batch.map(positionsOf)) / STEP) * STEP
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
      recent = Number.isNaN(recent) ? loss : 0.9 * recent + 0.1 * loss
    }
    const took = (performance.now() - from) / 1000
    const adapters = await trainer.readWeights()
    await trainer.release()
    const shares = await this.#weighWith(
      makeStudentWeights(shape, mergeAdapters(shape, ADAPTERS, frozen, adapters)),
      asked,
    )
    return { shares, steps: done, seconds: took, loss: recent }
  }
}

/** The likelier label of each sentence. */
export const answersOf = (shares: readonly TeacherRow[]): (number | undefined)[] =>
  shares.map(({ probabilities }) =>
    probabilities.length === 0 ? undefined : (probabilities[1] ?? 0) > (probabilities[0] ?? 0) ? 1 : 0,
  )
