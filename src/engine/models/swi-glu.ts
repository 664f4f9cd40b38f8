// Knows: SwiGLU, the gate of the feed-forward layer, with a gradient rule that reuses the forward pass.
import type { Graph, Value } from '../graph/graph.ts'
import type { CompositeDefinition } from '../graph/op.ts'
import { add, mul, sigmoid, sub } from '../graph/ops/index.ts'

const rule: CompositeDefinition = {
  name: 'swi_glu',
  build: (g, [gate, up]) => {
    if (!gate || !up) throw new TypeError('SwiGLU takes a gate and a value')
    const open = sigmoid(g, gate)
    const silu = mul(g, gate, open)
    return { outputs: [mul(g, silu, up)], saved: [open, silu] }
  },
  // silu' = σ + silu · (1 − σ), so with dup = dy · silu the gate's is up · (dup + σ · (dy − dup)).
  gradient: (g, { inputs: [, up], saved: [open, silu] }, [dy]) => {
    if (!up || !open || !silu || !dy) return [null, null]
    const dUp = mul(g, dy, silu)
    return [mul(g, up, add(g, dUp, mul(g, open, sub(g, dy, dUp)))), dUp]
  },
}

/** gate · sigmoid(gate) · up, all of one shape. Source: Shazeer 2020. */
export const swiGlu = (g: Graph, gate: Value, up: Value): Value => g.composite(rule, [gate, up])[0] as Value
