// Knows: Gemm, a product of two matrices, each optionally transposed. The op with a WebGPU kernel for transposed
// factors.
import { mayBeEqual, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'
import { needFloat } from '../rules.ts'

export const gemmOp = defineOp({
  type: 'Gemm',
  infer: (inference) => {
    const [a, b] = [inference.need(0), inference.need(1)]
    needFloat(inference, a)
    if (a.dtype !== b.dtype) inference.refuse('both must have the same type.')
    if (a.shape.length !== 2 || b.shape.length !== 2) inference.refuse('both must be matrices.')
    const [ta, tb] = [
      intAttribute(inference.attributes, 'transA', 0),
      intAttribute(inference.attributes, 'transB', 0),
    ]
    const [inner, other] = [a.shape[ta ? 0 : 1] as Dim, b.shape[tb ? 1 : 0] as Dim]
    if (!mayBeEqual(inner, other)) inference.refuse(`the inner sizes ${inner} and ${other} differ.`)
    return [{ dtype: a.dtype, shape: [a.shape[ta ? 1 : 0] as Dim, b.shape[tb ? 0 : 1] as Dim] }]
  },
  // y = a b: da = dy bᵀ, db = aᵀ dy; transposed where a or b is
  gradient: (g, { inputs: [a, b], attributes }, [dy]) => {
    if (!a || !b || !dy) return [null, null]
    const [ta, tb] = [
      intAttribute(attributes, 'transA', 0) === 1,
      intAttribute(attributes, 'transB', 0) === 1,
    ]
    const da = ta ? gemm(g, b, dy, { transA: tb, transB: true }) : gemm(g, dy, b, { transB: !tb })
    const db = tb ? gemm(g, dy, a, { transA: true, transB: ta }) : gemm(g, a, dy, { transA: !ta })
    return [da, db]
  },
})

/** op(a) [M, K] times op(b) [K, N]: [M, N], where op transposes or does nothing */
export const gemm = (g: Graph, a: Value, b: Value, { transA = false, transB = false } = {}): Value =>
  g.apply1(gemmOp, [a, b], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 })
