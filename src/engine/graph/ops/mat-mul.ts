// Knows: MatMul of matrices and of stacks of them.
import { mayBeEqual, type Dim } from '../dims.ts'
import type { Graph, Value } from '../graph.ts'
import { defineOp } from '../op.ts'
import { broadcastShapes, needFloat } from '../rules.ts'
import { gemm } from './gemm.ts'
import { reshape } from './reshape.ts'
import { sumTo } from './sum-to.ts'
import { transposeLast } from './transpose.ts'

export const matMulOp = defineOp({
  type: 'MatMul',
  infer: (inference) => {
    const [a, b] = [inference.need(0), inference.need(1)]
    needFloat(inference, a)
    if (a.dtype !== b.dtype) inference.refuse('both must have the same type.')
    if (a.shape.length < 2 || b.shape.length < 2) inference.refuse('both need two or more axes.')
    const [inner, other] = [a.shape.at(-1) as Dim, b.shape.at(-2) as Dim]
    if (!mayBeEqual(inner, other)) inference.refuse(`the inner sizes ${inner} and ${other} differ.`)
    const stack = broadcastShapes(inference, [a.shape.slice(0, -2), b.shape.slice(0, -2)])
    return [{ dtype: a.dtype, shape: [...stack, a.shape.at(-2) as Dim, b.shape.at(-1) as Dim] }]
  },
  // y = a b: da = dy bᵀ, db = aᵀ dy, summed over broadcast axes
  gradient: (g, { inputs: [a, b] }, [dy]) => {
    if (!a || !b || !dy) return [null, null]
    if (b.shape.length > 2)
      return [
        sumTo(g, matMul(g, dy, transposeLast(g, b)), a.shape),
        sumTo(g, matMul(g, transposeLast(g, a), dy), b.shape),
      ]
    // One matrix for the whole stack: its gradient is one product over all rows.
    const rows = (x: Value): Value => (x.shape.length === 2 ? x : reshape(g, x, [-1, x.shape.at(-1) as Dim]))
    const da = a.shape.length === 2 ? gemm(g, dy, b, { transB: true }) : matMul(g, dy, transposeLast(g, b))
    return [da, gemm(g, rows(a), rows(dy), { transA: true })]
  },
})

/** a [.., M, K] times b [.., K, N]: [.., M, N]; leading axes are broadcast */
export const matMul = (g: Graph, a: Value, b: Value): Value => g.apply1(matMulOp, [a, b])
