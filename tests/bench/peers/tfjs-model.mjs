// Knows: the student in TensorFlow.js as its users write it: variables, `variableGrads`, everything within `tidy`. And a second version,
// `arranged`: its wasm backend has a fast kernel (XNNPACK) only for one product of two matrices that are not transposed, and plain loops
// for all others, including those of gradients; this version brings every product into that form.
// It has no AdamW and no gradient of `gather` on wasm: both are implemented here.
import * as tf from '@tensorflow/tfjs'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { ADAM_W, scalarsOf } from './trainee.ts'

const plainProduct = (a, b) => tf.matMul(a, b)
const transposed = (x) => tf.transpose(x, x.rank === 2 ? [1, 0] : [0, 2, 1])
/** A product of two matrices, or of two equally long stacks of matrices, one by one. */
const forward = (a, b) => {
  if (a.rank === 2) return tf.matMul(a, b)
  const others = tf.unstack(b)
  return tf.stack(tf.unstack(a).map((one, i) => tf.matMul(one, others[i])))
}
const arrangedProduct = tf.customGrad((a, b, save) => {
  save([a, b])
  return {
    value: forward(a, b),
    gradFunc: (dy, [x, y]) => [forward(dy, transposed(y)), forward(transposed(x), dy)],
  }
})

const lookUp = (embedding, ids) => {
  const pick = tf.customGrad((table, save) => {
    save([])
    return {
      value: tf.gather(table, ids),
      gradFunc: (dy) => tf.scatterND(tf.expandDims(ids, 1), dy, table.shape),
    }
  })
  return pick(embedding)
}

const rmsNorm = (x, weight, epsilon) =>
  tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon))), weight)

const rotate = (x, cos, sin) => {
  const [first, second] = tf.split(x, 2, -1)
  return tf.concat(
    [tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))],
    -1,
  )
}

function makeLoss({ shape, rows, length }, ids, targets, params, product) {
  const { layers, heads, kvHeads, headWidth, ropeTheta, normEpsilon } = shape
  const half = headWidth / 2
  const shared = heads / kvHeads
  const angles = Float32Array.from(
    { length: length * half },
    (_, i) => Math.floor(i / half) / ropeTheta ** ((2 * (i % half)) / headWidth),
  )
  const [cos, sin] = [
    tf.tensor(angles.map(Math.cos), [length, half]),
    tf.tensor(angles.map(Math.sin), [length, half]),
  ]
  const mask = tf.tensor(
    Float32Array.from({ length: shared * length * length }, (_, i) =>
      i % length <= Math.floor(i / length) % length ? 0 : -1e9,
    ),
    [shared * length, length],
  )
  // Heads that share keys are folded into the query axis, so that no keys are repeated.
  const attend = (qkv) => {
    const [q, k, v] = tf.split(
      tf.transpose(tf.reshape(qkv, [rows, length, heads + 2 * kvHeads, headWidth]), [0, 2, 1, 3]),
      [heads, kvHeads, kvHeads],
      1,
    )
    const queries = tf.reshape(rotate(q, cos, sin), [rows * kvHeads, shared * length, headWidth])
    const keys = tf.reshape(rotate(k, cos, sin), [rows * kvHeads, length, headWidth])
    const scores =
      product === plainProduct ? tf.matMul(queries, keys, false, true) : product(queries, transposed(keys))
    const weights = tf.softmax(tf.add(tf.mul(scores, 1 / Math.sqrt(headWidth)), mask))
    const out = product(weights, tf.reshape(v, [rows * kvHeads, length, headWidth]))
    return tf.reshape(tf.transpose(tf.reshape(out, [rows, heads, length, headWidth]), [0, 2, 1, 3]), [
      rows * length,
      heads * headWidth,
    ])
  }
  return () => {
    let x = lookUp(params.embedding, ids)
    for (let i = 0; i < layers; i += 1) {
      const p = params.layers[i]
      x = tf.add(x, product(attend(product(rmsNorm(x, p.attentionNorm, normEpsilon), p.qkv)), p.output))
      const normed = rmsNorm(x, p.feedForwardNorm, normEpsilon)
      const gate = product(normed, p.gate)
      x = tf.add(x, product(tf.mul(tf.mul(gate, tf.sigmoid(gate)), product(normed, p.up)), p.down))
    }
    const hidden = rmsNorm(x, params.finalNorm, normEpsilon)
    const logits =
      product === plainProduct
        ? tf.matMul(hidden, params.embedding, false, true)
        : product(hidden, transposed(params.embedding))
    return tf.losses.softmaxCrossEntropy(targets, logits)
  }
}

/** The parameters as variables, from our flat array in the order of `listParameters`. */
function makeParameters({ shape, weights }) {
  const { layers, width, heads, kvHeads, headWidth, feedForward, vocabulary } = shape
  let at = 0
  const take = (...size) => {
    const count = size.reduce((a, b) => a * b, 1)
    at += count
    return tf.variable(tf.tensor(weights.slice(at - count, at), size))
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

export async function openTfjs(job, wasmFolder, arranged) {
  setWasmPaths(wasmFolder)
  setThreadsCount(2)
  await tf.setBackend('wasm')
  await tf.ready()
  const params = makeParameters(job)
  const ids = tf.tensor(job.ids, undefined, 'int32')
  const targets = tf.oneHot(tf.tensor(job.targets, undefined, 'int32'), job.shape.vocabulary)
  const loss = makeLoss(job, ids, targets, params, arranged ? arrangedProduct : plainProduct)
  const all = [params.embedding, ...params.layers.flatMap((layer) => Object.values(layer)), params.finalNorm]
  const moments = all.map((x) => [tf.variable(tf.zerosLike(x), false), tf.variable(tf.zerosLike(x), false)])
  const { beta1, beta2, clip } = ADAM_W
  let done = 0
  return {
    async step() {
      done += 1
      const [correctedLr, epsilon, decayFactor] = scalarsOf(done)
      const value = tf.tidy(() => {
        const { value: before, grads } = tf.variableGrads(loss, all)
        const gradients = all.map((x) => grads[x.name])
        const norm = tf.sqrt(tf.addN(gradients.map((x) => tf.sum(tf.square(x)))))
        const scale = tf.minimum(tf.div(clip, tf.add(norm, 1e-6)), 1)
        all.forEach((x, i) => {
          const [first, second] = moments[i]
          const gradient = tf.mul(gradients[i], scale)
          first.assign(tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1)))
          second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2)))
          const change = tf.mul(tf.div(first, tf.add(tf.sqrt(second), epsilon)), correctedLr)
          x.assign(tf.sub(x.rank === 2 ? tf.mul(x, decayFactor) : x, change))
        })
        return before
      })
      const [number] = await value.data()
      value.dispose()
      return number
    },
  }
}
