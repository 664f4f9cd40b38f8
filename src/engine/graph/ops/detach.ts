// Knows: a value through which no gradient flows. Creates no node.
import type { Graph, Value } from '../graph.ts'
import type { CompositeDefinition } from '../op.ts'

const detached: CompositeDefinition = {
  name: 'detached',
  build: (_g, inputs) => ({ outputs: inputs, saved: [] }),
  gradient: () => [null],
}

/** x, which the reverse pass treats as a constant */
export const detach = (g: Graph, x: Value): Value => g.composite(detached, [x])[0] as Value
