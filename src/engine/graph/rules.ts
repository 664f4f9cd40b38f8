// Knows: shape rules that several ops share: broadcasting, axes, one float type.
// Must not know: any particular op.
import type { Value } from './graph.ts'
import type { Inference, OutputType } from './op.ts'
import { mayBeEqual, type Dim } from './dims.ts'

/**
 * NumPy's rule: shapes are aligned at their ends, and 1 is stretched. A symbol next to a number counts as that number.
 */
export function broadcastShapes(inference: Inference, shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    let size: Dim = 1
    for (const shape of shapes) {
      const at = axis - rank + shape.length
      const dim = at < 0 ? 1 : (shape[at] as Dim)
      if (dim === 1 || dim === size) continue
      if (size === 1) size = dim
      else if (!mayBeEqual(size, dim))
        inference.refuse(`the sizes ${size} and ${dim} of axis ${axis} differ and neither is 1.`)
      else if (typeof size === 'string') size = dim
    }
    return size
  })
}

/** Two inputs of one type, broadcast together. */
export function inferBinary(inference: Inference): OutputType[] {
  const [a, b] = [inference.need(0), inference.need(1)]
  if (a.dtype !== b.dtype) inference.refuse('both must have the same type.')
  return [{ dtype: a.dtype, shape: broadcastShapes(inference, [a.shape, b.shape]) }]
}

/** Two inputs of one type give booleans. */
export const inferComparison = (inference: Inference): OutputType[] =>
  inferBinary(inference).map(({ shape }) => ({ dtype: 'bool', shape }))

/** The output has the type of the input. */
export function inferSame(inference: Inference): OutputType[] {
  const x = inference.need(0)
  return [{ dtype: x.dtype, shape: x.shape }]
}

/** Like `inferSame`, floats only. */
export function inferSameFloat(inference: Inference): OutputType[] {
  needFloat(inference, inference.need(0))
  return inferSame(inference)
}

export function needFloat(inference: Inference, value: Value): void {
  if (value.dtype !== 'f32' && value.dtype !== 'f16') inference.refuse('it needs floats.')
}

export function needInteger(
  inference: Inference,
  value: Value,
  allowed: readonly ('i32' | 'i64')[] = ['i32', 'i64'],
): void {
  if (!allowed.some((dtype) => dtype === value.dtype))
    inference.refuse(`its indices must be ${allowed.join(' or ')}.`)
}

/** An axis as a number from 0 up to `rank` − 1; refuses others. */
export function normaliseAxis(inference: Inference, axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(at) || at < 0 || at >= rank)
    inference.refuse(`there is no axis ${axis} in ${rank} axes.`)
  return at
}

/** Negative axes count from the end; without checks, for gradient rules. */
export const axisFromEnd = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)
