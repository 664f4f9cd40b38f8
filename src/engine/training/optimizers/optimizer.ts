// Knows: what an optimizer is to a train step: which of a buffer's moments it keeps, and the nodes that update it.
// Must not know: sessions, schedules, which parameters there are.
import type { Graph, Value } from '../../graph/graph.ts'

/** Scalars that change from step to step, fed at run time. */
export interface StepScalars {
  /** Learning rate as the schedule gives it. */
  readonly plain: number
  /** Learning rate with AdamW's two bias corrections. */
  readonly rate: number
  /** ε with the second moment's bias correction. */
  readonly epsilon: number
  /** What decay leaves of a weight: 1 − learning rate · weight decay. */
  readonly keep: number
}
export const STEP_SCALARS = [
  'plain',
  'rate',
  'epsilon',
  'keep',
] as const satisfies readonly (keyof StepScalars)[]
/** Values of the scalars in a graph. */
export type ScalarValues = Readonly<Record<keyof StepScalars, Value>>

/** A buffer and its moments, as values of a graph. An optimizer without a second moment neither reads nor gives one. */
export interface BufferState {
  readonly weights: Value
  readonly first: Value
  readonly second?: Value
}

export interface UpdateInput {
  readonly state: BufferState
  readonly gradient: Value
  /** Scalar that clips the gradient; null does not. */
  readonly gradientScale: Value | null
  readonly scalars: ScalarValues
  /** Weight decay applies. */
  readonly decays: boolean
}

export interface UpdateRule {
  readonly hasSecond: boolean
  readonly update: (g: Graph, input: UpdateInput) => BufferState
}
