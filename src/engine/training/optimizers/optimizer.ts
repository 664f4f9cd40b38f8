// Knows: the interface of an optimizer: which moments of a buffer it needs, and the nodes that update the buffer.
// Must not know: sessions, schedules, which parameters there are.
import type { Graph, Value } from '../../graph/graph.ts'

/** Scalars that change from step to step, passed at run time. */
export interface StepScalars {
  /** Learning rate of the schedule. */
  readonly lr: number
  /** Learning rate with AdamW's two bias corrections. */
  readonly correctedLr: number
  /** ε with the bias correction of the second moment. */
  readonly epsilon: number
  /** 1 − learning rate · weight decay: the factor on the weights. */
  readonly decayFactor: number
}
export const STEP_SCALARS = [
  'lr',
  'correctedLr',
  'epsilon',
  'decayFactor',
] as const satisfies readonly (keyof StepScalars)[]
/** Values of the scalars in a graph. */
export type ScalarValues = Readonly<Record<keyof StepScalars, Value>>

/**
 * A buffer and its moments, as values of a graph. An optimizer without a second moment neither reads nor returns one.
 */
export interface BufferState {
  readonly weights: Value
  /** First moment. */
  readonly m: Value
  /** Second moment. */
  readonly v?: Value
}

export interface UpdateInput {
  readonly state: BufferState
  readonly gradient: Value
  /** Scalar that clips the gradient; null: no clipping. */
  readonly gradientScale: Value | null
  readonly scalars: ScalarValues
  /** Weight decay applies. */
  readonly decays: boolean
}

export interface UpdateRule {
  readonly hasSecondMoment: boolean
  readonly update: (g: Graph, input: UpdateInput) => BufferState
}
