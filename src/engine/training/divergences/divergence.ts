// Knows: the interface of a divergence between the teacher's and the student's distributions: its terms and their
// derivatives.
import type { Graph, Value } from '../../graph/graph.ts'

export interface Divergence {
  readonly name: string
  /**
   * Terms that sum to the divergence, from the teacher's and the student's probabilities, all above 0 and of one shape.
   */
  readonly terms: (g: Graph, teacher: Value, student: Value) => Value
  /** Derivative of the sum with respect to each of the student's probabilities. */
  readonly slopes: (g: Graph, teacher: Value, student: Value) => Value
}
