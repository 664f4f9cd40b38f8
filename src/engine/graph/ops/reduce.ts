// Knows: the shared part of the reductions: axes as a constant input, kept or dropped axes.
import type { Graph, Value } from '../graph.ts'
import { intAttribute, type GraphNode, type Inference, type OpDefinition, type OutputType } from '../op.ts'
import { axisFromEnd, needFloat, normaliseAxis } from '../rules.ts'
import { reshape } from './reshape.ts'

/** Shape rule of Reduce*: the axes must be a constant. */
export function inferReduction(inference: Inference): OutputType[] {
  const x = inference.need(0)
  needFloat(inference, x)
  const given = inference.constant(1) ?? inference.refuse('the axes must be a constant.')
  const axes = new Set(given.map((axis) => normaliseAxis(inference, axis, x.shape.length)))
  const keep = intAttribute(inference.attributes, 'keepdims', 1) === 1
  return [
    { dtype: x.dtype, shape: x.shape.flatMap((dim, axis) => (axes.has(axis) ? (keep ? [1] : []) : [dim])) },
  ]
}

/** Applies a reduction over `axes` (negative ones count from the end). */
export const applyReduction = (
  g: Graph,
  op: OpDefinition,
  x: Value,
  axes: readonly number[],
  keep: boolean,
): Value => g.apply1(op, [x, g.integers(axes)], { keepdims: keep ? 1 : 0 })

/** The axes of a reduction's node, from 0. */
export function reducedAxes(g: Graph, node: GraphNode): number[] {
  const [x, axes] = node.inputs
  return x && axes ? (g.integersOf(axes) ?? []).map((axis) => axisFromEnd(axis, x.shape.length)) : []
}

/** A reduction's output, or its gradient, with the reduced axes as 1, so that it broadcasts against the input. */
export function withReducedAxes(g: Graph, node: GraphNode, value: Value): Value {
  const x = node.inputs[0]
  if (!x || value.shape.length === x.shape.length) return value
  const axes = new Set(reducedAxes(g, node))
  return reshape(
    g,
    value,
    x.shape.map((dim, axis) => (axes.has(axis) ? 1 : dim)),
  )
}
