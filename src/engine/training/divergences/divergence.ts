// Knows: what a divergence between the teacher's and the student's distributions is: its terms, and their slopes.
import type { Graph, Value } from '../../graph/graph.ts'

export interface Divergence {
  readonly name: string
  /** Terms that sum to the divergence, from the teacher's probabilities and the student's, all above 0 and of one shape. */
  readonly terms: (g: Graph, teacher: Value, student: Value) => Value
  /** Derivative of the sum by each of the student's probabilities. */
  readonly slopes: (g: Graph, teacher: Value, student: Value) => Value
}
