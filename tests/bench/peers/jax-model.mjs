// Knows: the student in jax-js as its users write it: pure functions on a tree of arrays, its own attention, one `jit` around the whole
// step. AdamW is implemented here, inside the same `jit`, in the order of operations of Optax.
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import { ADAM_W, scalarsOf } from './trainee.ts'

/** Every function owns its arguments: an argument that is used again is passed as `.ref`. */
const rmsNorm = (x, weight, epsilon) => {
  const scale = np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(epsilon))
  return x.div(scale).mul(weight)
}

const rotate = (x, cos, sin) => {
  const [first, second] = np.split(x, 2, -1)
  return np.concatenate(
    [first.ref.mul(cos.ref).sub(second.ref.mul(sin.ref)), second.mul(cos).add(first.mul(sin))],
    -1,
  )
}

function makeLoss({ shape, rows, length }) {
  const { layers, heads, kvHeads, headWidth, ropeTheta, normEpsilon, vocabulary } = shape
  const half = headWidth / 2
  const angles = Float32Array.from(
    { length: length * half },
    (_, i) => Math.floor(i / half) / ropeTheta ** ((2 * (i % half)) / headWidth),
  )
  const table = (wave) => np.array(angles.map(wave)).reshape([length, 1, half])
  const [cos, sin] = [table(Math.cos), table(Math.sin)]
  return (params, ids, targets) => {
    const { embedding } = params
    let x = embedding.ref.slice(ids)
    for (let i = 0; i < layers; i += 1) {
      const p = params.layers[i]
      const qkv = np
        .matmul(rmsNorm(x.ref, p.attentionNorm, normEpsilon), p.qkv)
        .reshape([rows, length, heads + 2 * kvHeads, headWidth])
      const [q, k, v] = np.split(qkv, [heads, heads + kvHeads], 2)
      const attended = nn.dotProductAttention(rotate(q, cos.ref, sin.ref), rotate(k, cos.ref, sin.ref), v, {
        isCausal: true,
      })
      x = x.add(np.matmul(attended.reshape([rows * length, heads * headWidth]), p.output))
      const normed = rmsNorm(x.ref, p.feedForwardNorm, normEpsilon)
      const gated = nn.silu(np.matmul(normed.ref, p.gate)).mul(np.matmul(normed, p.up))
      x = x.add(np.matmul(gated, p.down))
    }
    const logits = np.matmul(rmsNorm(x, params.finalNorm, normEpsilon), np.transpose(embedding))
    return np.sum(nn.logSoftmax(logits).mul(nn.oneHot(targets, vocabulary))).mul(-1 / (rows * length))
  }
}

function makeStep(job) {
  const { beta1, beta2, clip } = ADAM_W
  const lossAndGradient = valueAndGrad(makeLoss(job))
  return jit((params, firstMoments, secondMoments, ids, targets, correctedLr, epsilon, decayFactor) => {
    const [loss, raw] = lossAndGradient(tree.ref(params), ids, targets)
    const norm = np.sqrt(
      tree.leaves(tree.map((x) => np.square(x).sum(), tree.ref(raw))).reduce((a, b) => a.add(b)),
    )
    const scale = np.minimum(np.array(clip).div(norm.add(1e-6)), 1)
    const gradient = tree.map((x) => x.mul(scale.ref), raw)
    const m = tree.map((old, x) => old.mul(beta1).add(x.mul(1 - beta1)), firstMoments, tree.ref(gradient))
    const v = tree.map((old, x) => old.mul(beta2).add(np.square(x).mul(1 - beta2)), secondMoments, gradient)
    const next = tree.map(
      (x, a, b) => {
        const change = a.div(np.sqrt(b).add(epsilon.ref)).mul(correctedLr.ref)
        return (x.shape.length === 2 ? x.mul(decayFactor.ref) : x).sub(change)
      },
      params,
      tree.ref(m),
      tree.ref(v),
    )
    for (const each of [scale, correctedLr, epsilon, decayFactor]) each.dispose()
    return [loss, next, m, v]
  })
}

/** The parameters as a tree, from our flat array in the order of `listParameters`. */
function makeParameters({ shape, weights }) {
  const { layers, width, heads, kvHeads, headWidth, feedForward, vocabulary } = shape
  let at = 0
  const take = (...size) => {
    const count = size.reduce((a, b) => a * b, 1)
    at += count
    return np.array(weights.slice(at - count, at)).reshape(size)
  }
  const embedding = take(vocabulary, width)
  const matrices = Array.from({ length: layers }, () => ({
    qkv: take(width, (heads + 2 * kvHeads) * headWidth),
    output: take(heads * headWidth, width),
    gate: take(width, feedForward),
    up: take(width, feedForward),
    down: take(feedForward, width),
  }))
  return {
    embedding,
    layers: matrices.map((each) => ({ ...each, attentionNorm: take(width), feedForwardNorm: take(width) })),
    finalNorm: take(width),
  }
}

export async function openJax(job) {
  await init('wasm')
  defaultDevice('wasm')
  const step = makeStep(job)
  const ids = np.array(job.ids, { dtype: np.int32 })
  const targets = np.array(job.targets, { dtype: np.int32 })
  let params = makeParameters(job)
  let first = tree.map((x) => np.zeros(x.shape), params)
  let second = tree.map((x) => np.zeros(x.shape), params)
  let done = 0
  return {
    async step() {
      done += 1
      const [loss, ...next] = step(
        params,
        first,
        second,
        ids.ref,
        targets.ref,
        ...scalarsOf(done).map((x) => np.array(x)),
      )
      ;[params, first, second] = next
      await blockUntilReady(next)
      return (await loss.data())[0]
    },
  }
}
