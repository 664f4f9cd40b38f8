// Knows: how a decoder with a class head classifies: the class probabilities at the last token of each text, in
// batches.
// Must not know: class names, files.
import type { DecoderShape } from '../models/shape.ts'
import type { HostTensor, Runtime, Session } from '../runtime/types.ts'
import { bucketLengths } from './packing.ts'
import { countOf, listParameters, viewParameters, type Flat } from './parameters.ts'
import { buildClassGraph } from './train-graph.ts'

/** Texts per batch. */
const BATCH_SIZE = 8
const PLAIN = { layout: 'separate', maxGradientNorm: 0, optimizer: 'adam-w', keepsAverage: false } as const

export interface ClassifyHooks {
  readonly signal?: AbortSignal
  /** Called between two batches, so that messages are handled. */
  readonly onBatch?: () => Promise<unknown>
}

/** Classifies with one set of weights, which must not change meanwhile. Release it when done. */
export class Classifier {
  readonly #runtime: Runtime
  readonly #shape: DecoderShape
  readonly #lengths: readonly number[]
  #weights: Readonly<Record<string, HostTensor>> = {}
  readonly #sessions = new Map<number, Session>()

  /** Throws a RangeError if the shape has no classes or the weights do not match it. */
  constructor(runtime: Runtime, shape: DecoderShape, weights: Flat) {
    if (shape.classes === undefined) throw new RangeError('A decoder without classes cannot classify.')
    this.#runtime = runtime
    this.#shape = shape
    this.#lengths = bucketLengths(shape.context)
    this.load(weights)
  }

  /** Replaces the weights. Throws a RangeError if they do not match the shape. */
  load(weights: Flat): void {
    const parameters = listParameters(this.#shape)
    if (weights.length !== countOf(parameters))
      throw new RangeError(`There are ${weights.length} weights; this shape has ${countOf(parameters)}.`)
    const views = viewParameters(parameters, weights)
    this.#weights = Object.fromEntries(
      parameters.map(({ name, shape: size }): [string, HostTensor] => [
        name,
        { dtype: 'f32', shape: size, data: views.get(name) ?? new Float32Array() },
      ]),
    )
  }

  /**
   * Probabilities of the classes for each text (its tokens), in their order; each sums to 1. Undefined for a text
   * without tokens or longer than the context, and for all that are left after an abort.
   */
  async classify(
    texts: readonly (readonly number[])[],
    { signal, onBatch }: ClassifyHooks = {},
  ): Promise<(Float32Array | undefined)[]> {
    const results: (Float32Array | undefined)[] = texts.map(() => undefined)
    for (const [bucket, length] of this.#lengths.entries()) {
      const shorter = this.#lengths[bucket - 1] ?? 0
      const inBucket = [...texts.keys()].filter(
        (i) => sizeOf(texts[i]) > shorter && sizeOf(texts[i]) <= length,
      )
      for (let from = 0; from < inBucket.length; from += BATCH_SIZE) {
        await onBatch?.()
        if (signal?.aborted) return results
        const batch = inBucket.slice(from, from + BATCH_SIZE)
        const probabilities = await this.#run(
          batch.map((i) => texts[i] ?? []),
          length,
        )
        batch.forEach((i, row) => (results[i] = probabilities[row]))
      }
    }
    return results
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }

  async #run(texts: readonly (readonly number[])[], length: number): Promise<Float32Array[]> {
    const { classes = 0 } = this.#shape
    const ids = new BigInt64Array(BATCH_SIZE * length)
    const picked = new BigInt64Array(BATCH_SIZE)
    texts.forEach((tokens, row) => {
      tokens.forEach((token, i) => (ids[row * length + i] = BigInt(token)))
      picked[row] = BigInt(row * length + tokens.length - 1)
    })
    const session = await this.#sessionFor(length)
    const { probabilities } = await session.run({
      ...this.#weights,
      ids: { dtype: 'i64', shape: [ids.length, 1], data: ids },
      picked: { dtype: 'i64', shape: [BATCH_SIZE, 1], data: picked },
    })
    if (
      probabilities === undefined ||
      'onDevice' in probabilities ||
      !(probabilities.data instanceof Float32Array)
    )
      throw new TypeError('The class probabilities are not 32-bit floats.')
    const { data } = probabilities
    return texts.map((_, row) => data.slice(row * classes, (row + 1) * classes))
  }

  async #sessionFor(length: number): Promise<Session> {
    const open = this.#sessions.get(length)
    if (open) return open
    const session = await this.#runtime.open(
      buildClassGraph(this.#shape, { rows: BATCH_SIZE, length }, PLAIN),
      {
        onDevice: [],
      },
    )
    this.#sessions.set(length, session)
    return session
  }
}

const sizeOf = (tokens: readonly number[] | undefined): number => tokens?.length ?? 0
