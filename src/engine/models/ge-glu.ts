// Knows: GeGLU, the gate of the feed-forward layer in Gemma.
import type { Graph, Value } from '../graph/graph.ts'
import { fastGelu, mul } from '../graph/ops/index.ts'

/** gelu(gate) · up, all of one shape, with the tanh approximation of GELU. Source: Shazeer 2020. */
export const geGlu = (g: Graph, gate: Value, up: Value): Value => mul(g, fastGelu(g, gate), up)
