// Knows: reverse-mode differentiation, graph to graph: gradients are more nodes of the same graph.
// Must not know: any op's rule (each op's own file).
import { sameShape } from './dims.ts'
import { needStatic, type Graph, type Step, type Value } from './graph.ts'
import { add } from './ops/add.ts'
import { constantOfShape } from './ops/constant-of-shape.ts'
import { GraphError, showType } from './op.ts'

const inputsOf = (step: Step): readonly (Value | null)[] =>
  step.kind === 'node' ? step.node.inputs : step.composite.inputs
const outputsOf = (step: Step): readonly (Value | null)[] =>
  step.kind === 'node' ? step.node.outputs : step.composite.outputs

/**
 * Gradients of a loss of one element with respect to `wrt`, each in the shape of its value. A value that the loss does
 * not depend on gets zeros. Gradients of values that are used more than once accumulate. Throws a GraphError with the
 * op's name if the path from a value to the loss goes through an op without a gradient.
 */
export function differentiate(g: Graph, loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.some((dim) => dim !== 1) || loss.dtype !== 'f32')
    throw new GraphError(`Only one f32 number can be differentiated, not ${showType(loss)}.`)
  const steps = g.steps.slice(0, (g.producerOf(loss) ?? -1) + 1)
  const dependent = findDependent(steps, wrt)
  const cotangents = new Map<string, Value[]>([
    [
      loss.name,
      [
        constantOfShape(
          g,
          loss.shape.map(() => 1),
          1,
        ),
      ],
    ],
  ])
  const accumulate = (value: Value | null): Value | null => {
    const list = value ? cotangents.get(value.name) : undefined
    if (!value || !list) return null
    const sum = list.reduce((a, b) => add(g, a, b))
    cotangents.set(value.name, [sum])
    return sum
  }
  for (const step of steps.toReversed()) {
    if (!inputsOf(step).some((value) => value && dependent.has(value.name))) continue
    const outputCotangents = outputsOf(step).map(accumulate)
    if (outputCotangents.every((gradient) => gradient === null)) continue
    const gradients = gradientsOf(g, step, outputCotangents)
    inputsOf(step).forEach((value, i) => {
      const gradient = gradients[i]
      if (!value || !gradient || !dependent.has(value.name)) return
      if (!sameShape(gradient.shape, value.shape))
        throw new GraphError(
          `The gradient of ${nameOf(step)} for ${showType(value)} has the type ${showType(gradient)}.`,
        )
      cotangents.set(value.name, [...(cotangents.get(value.name) ?? []), gradient])
    })
  }
  return wrt.map((value) => accumulate(value) ?? zerosLike(g, value))
}

const nameOf = (step: Step): string =>
  step.kind === 'node' ? step.node.op.type : step.composite.definition.name

/** Names of all values that depend on `wrt`, except through comparisons and similar ops without a slope. */
function findDependent(steps: readonly Step[], wrt: readonly Value[]): Set<string> {
  const dependent = new Set(wrt.map((value) => value.name))
  for (const step of steps) {
    if (step.kind === 'node' && typeof step.node.op.gradient === 'object' && 'zero' in step.node.op.gradient)
      continue
    if (!inputsOf(step).some((value) => value && dependent.has(value.name))) continue
    for (const value of outputsOf(step))
      if (value && (value.dtype === 'f32' || value.dtype === 'f16')) dependent.add(value.name)
  }
  return dependent
}

function gradientsOf(
  g: Graph,
  step: Step,
  outputCotangents: readonly (Value | null)[],
): readonly (Value | null)[] {
  if (step.kind === 'composite')
    return step.composite.definition.gradient(g, step.composite, outputCotangents)
  const { op } = step.node
  if (typeof op.gradient === 'function') return op.gradient(g, step.node, outputCotangents)
  if ('none' in op.gradient) throw new GraphError(`${op.type} has no gradient: ${op.gradient.none}.`)
  return []
}

function zerosLike(g: Graph, value: Value): Value {
  return constantOfShape(g, needStatic(value, 'a gradient of zeros'), 0)
}
