// Knows: what each of the programs that train side by side is asked to do, and how its worker answers.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'

/** One training, begun: the same weights and the same batch for all. */
export interface Lesson {
  readonly shape: DecoderShape
  /** All parameters, in the order of `listParameters`. */
  readonly weights: Float32Array
  readonly rows: number
  readonly length: number
  /** Tokens and what each predicts, [rows · length]. */
  readonly ids: Int32Array
  readonly targets: Int32Array
}

/** AdamW as all do it: decay of matrices only, the gradient's norm clipped. */
export const ADAM_W = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clip: 1,
} as const

/** The scalars of a step (from 1): the rate with both bias corrections, ε with one, what decay leaves of a weight. */
export function scalarsOf(step: number): readonly [rate: number, epsilon: number, keep: number] {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = ADAM_W
  const root = Math.sqrt(1 - beta2 ** step)
  return [(learningRate * root) / (1 - beta1 ** step), epsilon * root, 1 - learningRate * weightDecay]
}

/** A program in training. */
export interface Trainee {
  /** One whole step: forward, backward, clip, update. Resolves to the loss before the update once everything of the step is done. */
  step(): Promise<number>
  /** GFLOP/s of the program's own matrix product, where it is asked for. */
  ceiling?(): Promise<number>
}

export type Ask =
  | { readonly open: Lesson; readonly arranged: boolean }
  | { readonly steps: number; readonly forMs: number }
  | { readonly ceiling: true }
export interface Turn {
  readonly losses: readonly number[]
  /** Milliseconds of each step. */
  readonly times: readonly number[]
}
export type Told = { readonly broken: string } | { readonly turn: Turn } | { readonly gflops: number }

/** Makes this worker one that trains with a program, on two threads whatever the machine has. `arranged` is for TensorFlow.js alone. */
export function serveTrainee(open: (lesson: Lesson, arranged: boolean) => Promise<Trainee>): void {
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 }) // jax-js starts as many threads as this says
  let trainee: Trainee | undefined
  const answer = async (ask: Ask): Promise<Told> => {
    if ('open' in ask) {
      trainee = await open(ask.open, ask.arranged)
      return { turn: { losses: [], times: [] } }
    }
    if (trainee === undefined) throw new Error('Nothing is being trained.')
    if ('ceiling' in ask) return { gflops: (await trainee.ceiling?.()) ?? Number.NaN }
    const [losses, times]: [number[], number[]] = [[], []]
    const from = performance.now()
    while (losses.length < ask.steps && (losses.length === 0 || performance.now() - from < ask.forMs)) {
      const start = performance.now()
      losses.push(await trainee.step())
      times.push(performance.now() - start)
    }
    return { turn: { losses, times } }
  }
  globalThis.addEventListener('message', ({ data }: MessageEvent<Ask>) => {
    answer(data).then(
      (told) => postMessage(told),
      (thrown: unknown) =>
        postMessage({
          broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
        } satisfies Told),
    )
  })
}
