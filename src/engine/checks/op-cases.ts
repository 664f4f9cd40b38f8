// Knows: one or more small cases for every op with a gradient and for the composites that training uses. Inputs come
// from `makeNumbers(count, index of the input + 1, scale, offset)`; `tests/oracles/gradients.py` has the same cases in
// PyTorch under the same names.
import type { Graph, Value } from '../graph/graph.ts'
import * as ops from '../graph/ops/index.ts'
import { swiGlu } from '../models/swi-glu.ts'
import { crossEntropy } from '../training/cross-entropy.ts'
import { distillation } from '../training/distillation.ts'
import { DIVERGENCES, type DivergenceName } from '../training/divergences/index.ts'

export interface GradientCase {
  readonly name: string
  /** ONNX ops whose rule this case tests. */
  readonly covers: readonly string[]
  readonly inputs: readonly {
    readonly shape: readonly number[]
    readonly scale?: number
    readonly offset?: number
  }[]
  readonly build: (g: Graph, ...xs: Value[]) => Value
}

const x23 = { shape: [2, 3] }
const positive = { shape: [2, 3], scale: 0.8, offset: 1.5 }
const i64 = (g: Graph, shape: readonly number[], data: readonly number[]): Value =>
  g.constant('i64', shape, data)
const tables = (g: Graph, sign = 1): [Value, Value] => {
  const angles = Array.from({ length: 4 * 2 }, (_, i) => 0.3 * i)
  return [
    g.constant('f32', [4, 2], angles.map(Math.cos)),
    g.constant(
      'f32',
      [4, 2],
      angles.map((a) => sign * Math.sin(a)),
    ),
  ]
}

export const CASES: readonly GradientCase[] = [
  { name: 'neg', covers: ['Neg'], inputs: [x23], build: ops.neg },
  { name: 'exp', covers: ['Exp'], inputs: [x23], build: ops.exp },
  { name: 'log', covers: ['Log'], inputs: [positive], build: ops.log },
  { name: 'sqrt', covers: ['Sqrt'], inputs: [positive], build: ops.sqrt },
  { name: 'reciprocal', covers: ['Reciprocal'], inputs: [positive], build: ops.reciprocal },
  { name: 'sigmoid', covers: ['Sigmoid'], inputs: [x23], build: ops.sigmoid },
  { name: 'tanh', covers: ['Tanh'], inputs: [x23], build: ops.tanh },
  { name: 'abs', covers: ['Abs'], inputs: [x23], build: ops.abs },
  { name: 'relu', covers: ['Relu'], inputs: [x23], build: ops.relu },
  { name: 'erf', covers: ['Erf'], inputs: [x23], build: ops.erf },
  { name: 'pow', covers: ['Pow'], inputs: [positive], build: (g, x) => ops.pow(g, x, 2.5) },
  { name: 'clip', covers: ['Clip'], inputs: [x23], build: (g, x) => ops.clip(g, x, -0.5, 0.4) },
  { name: 'add, broadcast', covers: ['Add'], inputs: [x23, { shape: [3] }], build: ops.add },
  {
    name: 'sub, broadcast both ways',
    covers: ['Sub'],
    inputs: [{ shape: [2, 1] }, { shape: [1, 3] }],
    build: ops.sub,
  },
  {
    name: 'mul, broadcast',
    covers: ['Mul'],
    inputs: [{ shape: [2, 2, 3] }, { shape: [2, 1] }],
    build: ops.mul,
  },
  {
    name: 'div, broadcast',
    covers: ['Div'],
    inputs: [x23, { shape: [2, 1], scale: 0.5, offset: 1.5 }],
    build: ops.div,
  },
  { name: 'maximum', covers: ['Max'], inputs: [x23, { shape: [3], scale: 0.3 }], build: ops.maximum },
  { name: 'minimum', covers: ['Min'], inputs: [x23, { shape: [3], scale: 0.3 }], build: ops.minimum },
  {
    name: 'where',
    covers: ['Where', 'Less'],
    inputs: [x23, { shape: [3] }],
    build: (g, a, b) => ops.where(g, ops.less(g, ops.mul(g, a, a), g.scalar(0.4)), a, b),
  },
  {
    name: 'identity and cast',
    covers: ['Identity', 'Cast'],
    inputs: [x23],
    build: (g, x) =>
      ops.mul(g, ops.identity(g, x), ops.cast(g, ops.cast(g, ops.less(g, x, g.scalar(0.2)), 'i32'), 'f32')),
  },
  {
    name: 'a value used three times',
    covers: [],
    inputs: [x23],
    build: (g, x) => ops.add(g, ops.mul(g, x, x), ops.mul(g, x, ops.exp(g, x))),
  },
  { name: 'detach', covers: [], inputs: [x23], build: (g, x) => ops.mul(g, x, ops.detach(g, ops.exp(g, x))) },
  { name: 'matrix product', covers: ['MatMul'], inputs: [x23, { shape: [3, 4] }], build: ops.matMul },
  {
    name: 'stack times one matrix',
    covers: ['MatMul'],
    inputs: [{ shape: [2, 2, 3] }, { shape: [3, 4] }],
    build: ops.matMul,
  },
  {
    name: 'stack times stack, broadcast',
    covers: ['MatMul'],
    inputs: [{ shape: [2, 2, 2, 3] }, { shape: [2, 1, 3, 2] }],
    build: ops.matMul,
  },
  { name: 'gemm', covers: ['Gemm'], inputs: [x23, { shape: [3, 4] }], build: (g, a, b) => ops.gemm(g, a, b) },
  {
    name: 'gemm, first transposed',
    covers: ['Gemm'],
    inputs: [{ shape: [3, 2] }, { shape: [3, 4] }],
    build: (g, a, b) => ops.gemm(g, a, b, { transA: true }),
  },
  {
    name: 'gemm, second transposed',
    covers: ['Gemm'],
    inputs: [x23, { shape: [4, 3] }],
    build: (g, a, b) => ops.gemm(g, a, b, { transB: true }),
  },
  {
    name: 'gemm, both transposed',
    covers: ['Gemm'],
    inputs: [{ shape: [3, 2] }, { shape: [4, 3] }],
    build: (g, a, b) => ops.gemm(g, a, b, { transA: true, transB: true }),
  },
  {
    name: 'reduceSum',
    covers: ['ReduceSum'],
    inputs: [{ shape: [2, 3, 2] }],
    build: (g, x) => ops.reduceSum(g, x, [0, -1], false),
  },
  {
    name: 'reduceMean',
    covers: ['ReduceMean'],
    inputs: [{ shape: [2, 3, 2] }],
    build: (g, x) => ops.reduceMean(g, x, [1]),
  },
  {
    name: 'reduceMax',
    covers: ['ReduceMax', 'Equal'],
    inputs: [{ shape: [2, 3, 2] }],
    build: (g, x) => ops.reduceMax(g, x, [1], false),
  },
  {
    name: 'reduceSumSquare',
    covers: ['ReduceSumSquare'],
    inputs: [{ shape: [2, 3, 2] }],
    build: (g, x) => ops.reduceSumSquare(g, x, [0, 2]),
  },
  {
    name: 'expand',
    covers: ['Expand'],
    inputs: [{ shape: [2, 1, 3] }],
    build: (g, x) => ops.expand(g, x, [2, 2, 4, 3]),
  },
  { name: 'reshape', covers: ['Reshape'], inputs: [x23], build: (g, x) => ops.reshape(g, x, [3, -1]) },
  {
    name: 'squeeze and unsqueeze',
    covers: ['Squeeze', 'Unsqueeze'],
    inputs: [{ shape: [2, 1, 3] }],
    build: (g, x) => ops.unsqueeze(g, ops.squeeze(g, x, [1]), [0, -1]),
  },
  {
    name: 'transpose',
    covers: ['Transpose'],
    inputs: [{ shape: [2, 3, 4] }],
    build: (g, x) => ops.transpose(g, x, [2, 0, 1]),
  },
  {
    name: 'softmax',
    covers: ['Softmax'],
    inputs: [{ shape: [2, 4], scale: 2 }],
    build: (g, x) => ops.softmax(g, x),
  },
  {
    name: 'softmax over the first axis',
    covers: ['Softmax'],
    inputs: [{ shape: [3, 2] }],
    build: (g, x) => ops.softmax(g, x, 0),
  },
  {
    name: 'concat',
    covers: ['Concat'],
    inputs: [x23, { shape: [2, 2] }],
    build: (g, a, b) => ops.concat(g, [a, b, a], 1),
  },
  {
    name: 'split with an unused part',
    covers: ['Split'],
    inputs: [{ shape: [2, 6] }],
    build: (g, x) => {
      const [a, , c] = ops.split(g, x, [2, 2, 2], 1)
      return ops.mul(g, a as Value, c as Value)
    },
  },
  {
    name: 'slice',
    covers: ['Slice'],
    inputs: [{ shape: [4, 5] }],
    build: (g, x) => ops.slice(g, ops.slice(g, x, 1, 3, 0), -3, -1, 1),
  },
  {
    name: 'gather with a repeated row',
    covers: ['Gather'],
    inputs: [{ shape: [4, 3] }],
    build: (g, x) => ops.gather(g, x, i64(g, [2, 2], [3, 1, 3, 0])),
  },
  {
    name: 'gatherElements',
    covers: ['GatherElements'],
    inputs: [{ shape: [2, 4] }],
    build: (g, x) => ops.gatherElements(g, x, g.constant('i32', [2, 2], [3, 3, 0, 1]), 1),
  },
  {
    name: 'scatterElements that adds',
    covers: ['ScatterElements'],
    inputs: [{ shape: [2, 4] }, { shape: [2, 2] }],
    build: (g, x, u) => ops.scatterElementsAdd(g, x, g.constant('i32', [2, 2], [3, 3, 0, 1]), u, 1),
  },
  {
    name: 'scatterND that adds',
    covers: ['ScatterND'],
    inputs: [{ shape: [4, 3] }, { shape: [3, 3] }],
    build: (g, x, u) => ops.scatterNdAdd(g, x, i64(g, [3, 1], [2, 0, 2]), u),
  },
  {
    name: 'RMS norm',
    covers: ['SimplifiedLayerNormalization'],
    inputs: [{ shape: [3, 4] }, { shape: [4], scale: 0.3, offset: 1 }],
    build: (g, x, w) => ops.simplifiedLayerNormalization(g, x, w, 1e-5),
  },
  {
    name: 'sum and RMS norm',
    covers: ['SkipSimplifiedLayerNormalization'],
    inputs: [{ shape: [1, 3, 4] }, { shape: [1, 3, 4] }, { shape: [4], scale: 0.3, offset: 1 }],
    build: (g, a, b, w) => {
      const { normed, sum } = ops.skipSimplifiedLayerNormalization(g, a, b, w, 1e-5)
      return ops.add(g, normed, ops.mul(g, sum, sum))
    },
  },
  {
    name: 'rotary embedding',
    covers: ['RotaryEmbedding'],
    inputs: [{ shape: [1, 2, 3, 4] }],
    build: (g, x) => ops.rotaryEmbedding(g, x, i64(g, [1, 3], [0, 1, 3]), ...tables(g)),
  },
  { name: 'SwiGLU', covers: [], inputs: [{ shape: [3, 4], scale: 2 }, { shape: [3, 4] }], build: swiGlu },
  {
    name: 'cross-entropy',
    covers: [],
    inputs: [{ shape: [4, 3], scale: 3 }, { shape: [5, 3] }],
    build: (g, x, head) =>
      crossEntropy(
        g,
        x,
        head,
        g.constant('i32', [4, 1], [4, 0, 2, 2]),
        g.constant('f32', [4, 1], [0.5, 0, 0.25, 0.25]),
      ),
  },
  {
    name: 'cross-entropy with label smoothing',
    covers: [],
    inputs: [{ shape: [4, 3], scale: 3 }, { shape: [5, 3] }],
    build: (g, x, head) =>
      crossEntropy(
        g,
        x,
        head,
        g.constant('i32', [4, 1], [4, 0, 2, 2]),
        g.constant('f32', [4, 1], [0.5, 0, 0.25, 0.25]),
        0.2,
      ),
  },
  ...(Object.keys(DIVERGENCES) as DivergenceName[]).map(distillationCase),
]

function distillationCase(divergence: DivergenceName): GradientCase {
  return {
    name: `distillation, ${divergence}`,
    covers: [],
    inputs: [{ shape: [4, 3], scale: 1.5 }, { shape: [5, 3] }],
    build: (g, x, head) => {
      const teacher = {
        ids: g.constant('i32', [4, 2], [4, 0, 0, 1, 2, 3, 1, 4]),
        probabilities: g.constant(
          'f32',
          [4, 3],
          [0.5, 0.3, 0.2, 0.1, 0.7, 0.2, 0.6, 0.25, 0.15, 0.4, 0.4, 0.2],
        ),
      }
      return distillation(
        g,
        x,
        head,
        g.constant('i32', [4, 1], [4, 0, 2, 2]),
        g.constant('f32', [4, 1], [0.5, 0, 0.25, 0.25]),
        teacher,
        { divergence, temperature: 2, textShare: 0.25 },
      )
    },
  }
}
