// Knows: how a decoder with a head of classes answers: the classes' probabilities at the last token of each text, many texts at a time.
// Must not know: what the classes are called, files.
import type { DecoderShape } from '../models/shape.ts'
import type { HostTensor, Runtime, Session } from '../runtime/types.ts'
import { bucketLengths } from './packing.ts'
import { countOf, listParameters, viewParameters, type Flat } from './parameters.ts'
import { buildClassGraph } from './train-graph.ts'

/** Texts worked on together. */
const ROWS = 8
const PLAIN = { layout: 'separate', clip: 0, optimizer: 'adam-w', averages: false } as const

export interface ClassifyHooks {
  readonly signal?: AbortSignal
  /** Between two batches, so that messages are heard. */
  readonly onBatch?: () => Promise<unknown>
}

/** Answers with one set of weights, which must not change meanwhile. Release it when done. */
export class Classifier {
  readonly #runtime: Runtime
  readonly #shape: DecoderShape
  readonly #lengths: readonly number[]
  #weights: Readonly<Record<string, HostTensor>> = {}
  readonly #sessions = new Map<number, Session>()

  /** Throws a RangeError where the shape has no classes or the weights are not of it. */
  constructor(runtime: Runtime, shape: DecoderShape, weights: Flat) {
    if (shape.classes === undefined)
      throw new RangeError('A decoder without classes cannot be asked for one.')
    this.#runtime = runtime
    this.#shape = shape
    this.#lengths = bucketLengths(shape.context)
    this.load(weights)
  }

  /** Answers with other weights from now on. Throws a RangeError where they are not of this shape. */
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
   * Probabilities of the classes for each text (its tokens), in their order; each sums to 1. Undefined for a text of no token or of more
   * than the context holds, and for all that an abort left.
   */
  async classify(
    texts: readonly (readonly number[])[],
    { signal, onBatch }: ClassifyHooks = {},
  ): Promise<(Float32Array | undefined)[]> {
    const found: (Float32Array | undefined)[] = texts.map(() => undefined)
    for (const [bucket, length] of this.#lengths.entries()) {
      const shorter = this.#lengths[bucket - 1] ?? 0
      const mine = [...texts.keys()].filter((i) => sizeOf(texts[i]) > shorter && sizeOf(texts[i]) <= length)
      for (let from = 0; from < mine.length; from += ROWS) {
        await onBatch?.()
        if (signal?.aborted) return found
        const some = mine.slice(from, from + ROWS)
        const told = await this.#run(
          some.map((i) => texts[i] ?? []),
          length,
        )
        some.forEach((i, row) => (found[i] = told[row]))
      }
    }
    return found
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }

  async #run(texts: readonly (readonly number[])[], length: number): Promise<Float32Array[]> {
    const { classes = 0 } = this.#shape
    const ids = new BigInt64Array(ROWS * length)
    const picked = new BigInt64Array(ROWS)
    texts.forEach((tokens, row) => {
      tokens.forEach((token, i) => (ids[row * length + i] = BigInt(token)))
      picked[row] = BigInt(row * length + tokens.length - 1)
    })
    const session = await this.#sessionFor(length)
    const { probabilities } = await session.run({
      ...this.#weights,
      ids: { dtype: 'i64', shape: [ids.length, 1], data: ids },
      picked: { dtype: 'i64', shape: [ROWS, 1], data: picked },
    })
    if (
      probabilities === undefined ||
      'onDevice' in probabilities ||
      !(probabilities.data instanceof Float32Array)
    )
      throw new TypeError('The classes have no probabilities of 32-bit floats.')
    const { data } = probabilities
    return texts.map((_, row) => data.slice(row * classes, (row + 1) * classes))
  }

  async #sessionFor(length: number): Promise<Session> {
    const open = this.#sessions.get(length)
    if (open) return open
    const session = await this.#runtime.open(buildClassGraph(this.#shape, { rows: ROWS, length }, PLAIN), {
      onDevice: [],
    })
    this.#sessions.set(length, session)
    return session
  }
}

const sizeOf = (tokens: readonly number[] | undefined): number => tokens?.length ?? 0
