// Knows: the interface of an objective: what a training minimises, as a graph, and what that graph needs of each batch.
// Must not know: sessions, parameters, optimizers.
import type { Graph, Value } from '../../graph/graph.ts'
import type { DecoderShape } from '../../models/shape.ts'
import type { HostTensor } from '../../runtime/types.ts'
import type { Batch } from '../packing.ts'
import type { Preference } from '../preferences/preference.ts'

/** The student's side of a loss, for R predictions that count. */
export interface StudentValues {
  /** f32 [R, width]. */
  readonly hidden: Value
  /** f32 [vocabulary, width], or [classes, width]. */
  readonly head: Value
  /** i32 [R, 1]. */
  readonly targets: Value
  /** f32 [R, 1]. */
  readonly weights: Value
}

/** Sizes of a batch that the graph of an objective depends on, besides rows and length. */
export type OwnSizes = Readonly<Record<string, number>>

/** Numbers that are computed for each step. */
export interface StepNumbers {
  /** An estimate of how far the student is from its reference (preferences/preference.ts); 0 if the loss needs none. */
  readonly drift: number
}

export interface Objective {
  /** Throws a RangeError if the batch has not what the objective learns from. */
  readonly sizesOf: (batch: Batch) => OwnSizes
  /** Declares the inputs of a batch beyond ids, targets and weights; returns a function that builds the loss, a scalar. */
  readonly open: (g: Graph, shape: DecoderShape, sizes: OwnSizes) => (student: StudentValues) => Value
  /** The tensors of these inputs, by their names. */
  readonly feed: (batch: Batch, shape: DecoderShape, numbers: StepNumbers) => Record<string, HostTensor>
  /** What the loss of a batch is a mean of: its predictions that count, or its pairs. */
  readonly countOf: (batch: Batch) => number
  /** What it needs of pairs of answers, if it learns from pairs. */
  readonly pairs?: Pick<Preference, 'averages' | 'needsReference' | 'needsDrift'>
  /** The objective by which held-out rows are measured; absent: itself. */
  readonly evaluation?: Objective
}
