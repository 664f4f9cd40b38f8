// Knows: how trained weights become weights for generation: the same numbers, stacked as the cached decoder needs them.
// Must not know: graphs, files.
import type { DecoderShape } from '../models/shape.ts'
import type { DenseWeight, LoadedWeights } from '../models/decoder-weights.ts'
import { listParameters, viewParameters, type Flat } from './parameters.ts'

/** Two [K, N] matrices as one [K, 2 N]. */
function stackColumns(a: Float32Array, b: Float32Array, K: number): Float32Array {
  const N = a.length / K
  const out = new Float32Array(2 * a.length)
  for (let row = 0; row < K; row++) {
    out.set(a.subarray(row * N, (row + 1) * N), 2 * row * N)
    out.set(b.subarray(row * N, (row + 1) * N), (2 * row + 1) * N)
  }
  return out
}

function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = data[row * columns + column] as number
  }
  return out
}

/** Weights of a student for generation. Most are views of `flat`, which must not change meanwhile. */
export function makeStudentWeights(shape: DecoderShape, flat: Flat): LoadedWeights {
  const views = viewParameters(listParameters(shape), flat)
  const need = (name: string): Float32Array => {
    const view = views.get(name)
    if (!view) throw new RangeError(`A student has no ${name}.`)
    return view
  }
  const dense = (data: Float32Array, K: number): DenseWeight => ({ kind: 'f32', K, N: data.length / K, data })
  const { width, feedForward, vocabulary } = shape
  const embedding = need('embedding')
  return {
    shape,
    linear(layer, which) {
      switch (which) {
        case 'gateUp':
          return dense(stackColumns(need(`layer ${layer} gate`), need(`layer ${layer} up`), width), width)
        case 'qkv':
          return dense(need(`layer ${layer} qkv`), width)
        case 'output':
          return dense(need(`layer ${layer} output`), shape.heads * shape.headWidth)
        case 'down':
          return dense(need(`layer ${layer} down`), feedForward)
        default:
          return which satisfies never
      }
    },
    norm: (layer, which) => need(which === 'final' ? 'final norm' : `layer ${layer} ${which} norm`),
    head: dense(transpose(embedding, vocabulary, width), width),
    embedRow(id, out, at) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabulary)
        throw new RangeError(`There is no token ${id} among ${vocabulary}.`)
      out.set(embedding.subarray(id * width, (id + 1) * width), at)
    },
    bytes: flat.byteLength + 4 * vocabulary * width,
  }
}
