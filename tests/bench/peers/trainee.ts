// Knows: the requests and responses of the workers in which the compared programs train.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'

/** A training job: the same initial weights and the same batch for all programs. */
export interface TrainingJob {
  readonly shape: DecoderShape
  /** All parameters, in the order of `listParameters`. */
  readonly weights: Float32Array
  readonly rows: number
  readonly length: number
  /** Tokens and their targets, [rows · length]. */
  readonly ids: Int32Array
  readonly targets: Int32Array
}

/** AdamW settings of all programs: weight decay of matrices only, gradient norm clipped. */
export const ADAM_W = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clip: 1,
} as const

/** The scalars of a step (from 1): the learning rate with both bias corrections, ε with one, the decay factor of a weight. */
export function scalarsOf(
  step: number,
): readonly [correctedLr: number, epsilon: number, decayFactor: number] {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = ADAM_W
  const root = Math.sqrt(1 - beta2 ** step)
  return [(learningRate * root) / (1 - beta1 ** step), epsilon * root, 1 - learningRate * weightDecay]
}

/** A program in training. */
export interface Trainee {
  /** One whole step: forward, backward, clip, update. Resolves to the loss before the update when the step is complete. */
  step(): Promise<number>
  /** GFLOP/s of the program's own matrix product, if it is measured. */
  ceiling?(): Promise<number>
}

export type WorkerRequest =
  | { readonly open: TrainingJob; readonly arranged: boolean }
  | { readonly steps: number; readonly forMs: number }
  | { readonly ceiling: true }
export interface Round {
  readonly losses: readonly number[]
  /** Milliseconds of each step. */
  readonly times: readonly number[]
}
export type WorkerResponse =
  | { readonly error: string }
  | { readonly round: Round }
  | { readonly gflops: number }

/** Makes this worker train with a program, on two threads on any machine. `arranged` is only for TensorFlow.js. */
export function serveTrainee(open: (job: TrainingJob, arranged: boolean) => Promise<Trainee>): void {
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 }) // jax-js starts this many threads
  let trainee: Trainee | undefined
  const respond = async (request: WorkerRequest): Promise<WorkerResponse> => {
    if ('open' in request) {
      trainee = await open(request.open, request.arranged)
      return { round: { losses: [], times: [] } }
    }
    if (trainee === undefined) throw new Error('Nothing is being trained.')
    if ('ceiling' in request) return { gflops: (await trainee.ceiling?.()) ?? Number.NaN }
    const [losses, times]: [number[], number[]] = [[], []]
    const from = performance.now()
    while (
      losses.length < request.steps &&
      (losses.length === 0 || performance.now() - from < request.forMs)
    ) {
      const start = performance.now()
      losses.push(await trainee.step())
      times.push(performance.now() - start)
    }
    return { round: { losses, times } }
  }
  globalThis.addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
    respond(data).then(
      (response) => postMessage(response),
      (thrown: unknown) =>
        postMessage({
          error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
        } satisfies WorkerResponse),
    )
  })
}
