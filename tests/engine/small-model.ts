// Knows: a small decoder with weights from a formula, and a tokenizer of one token per byte: for tests of
// generation without a model file, in Node and in a page.
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type {
  DenseWeight,
  FourBitWeight,
  LinearWeight,
  LoadedWeights,
} from '../../src/engine/weights/loaded.ts'

export const TINY: DecoderShape = {
  layers: 2,
  width: 32,
  heads: 4,
  kvHeads: 2,
  headWidth: 8,
  feedForward: 48,
  vocabulary: 257,
  context: 256,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  tiedHead: true,
}
/** Token that ends a completion. */
export const END = 256

/** Pseudo-random numbers, the same everywhere. */
function fill(count: number, seed: number, size: number, centre = 0): Float32Array {
  const out = new Float32Array(count)
  let state = (seed * 2654435761) >>> 0
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[i] = centre + size * (state / 2147483648 - 1)
  }
  return out
}

/** Weights for the shape; the head is the transposed embedding. */
export function makeTinyWeights(shape: DecoderShape = TINY): LoadedWeights {
  const { width, heads, kvHeads, headWidth, feedForward, vocabulary } = shape
  let seed = 1
  const dense = (K: number, N: number): DenseWeight => ({
    kind: 'f32',
    K,
    N,
    data: fill(K * N, seed++, 1.6 / Math.sqrt(K)),
  })
  const layers = Array.from({ length: shape.layers }, () => ({
    linears: {
      qkv: dense(width, (heads + 2 * kvHeads) * headWidth),
      output: dense(heads * headWidth, width),
      gateUp: dense(width, 2 * feedForward),
      down: dense(feedForward, width),
    },
    norms: new Map<string, Float32Array>([
      ['attention', fill(width, seed++, 0.2, 1)],
      ['feedForward', fill(width, seed++, 0.2, 1)],
    ]),
  }))
  const final = fill(width, seed++, 0.2, 1)
  const embedding = fill(vocabulary * width, seed++, 1)
  const head = new Float32Array(width * vocabulary)
  for (let token = 0; token < vocabulary; token++)
    for (let i = 0; i < width; i++) head[i * vocabulary + token] = (embedding[token * width + i] ?? 0) * 0.6
  const at = (layer: number) => {
    const found = layers[layer]
    if (found === undefined) throw new RangeError(`no layer ${layer}`)
    return found
  }
  return {
    shape,
    linear: (layer, which) => at(layer).linears[which],
    norm(layer, which) {
      const found = which === 'final' ? final : at(layer).norms.get(which)
      if (found === undefined) throw new RangeError(`no norm ${which}`)
      return found
    },
    head: { kind: 'f32', K: width, N: vocabulary, data: head },
    embedRow: (id, out, to) => out.set(embedding.subarray(id * width, (id + 1) * width), to),
    bytes: 0,
  }
}

/** Blocks of 32 with a scale, a minimum and an integer zero point, and the floats that they represent. */
function packFourBits(K: number, N: number, seed: number): { packed: FourBitWeight; dense: DenseWeight } {
  const blocks = K / 32
  const b = new Uint8Array(N * blocks * 16)
  const scales = fill(N * blocks, seed, 0.01, 0.04)
  const zeroPoints = new Uint8Array(N * Math.ceil(blocks / 2))
  const correction = fill(blocks * N, seed + 1, 0.02)
  const data = new Float32Array(K * N)
  for (let n = 0; n < N; n++) {
    for (let block = 0; block < blocks; block++) {
      const zero = (n * 7 + block * 3) % 16
      const at = n * Math.ceil(blocks / 2) + (block >> 1)
      zeroPoints[at] = (zeroPoints[at] ?? 0) | (zero << (block % 2 === 1 ? 4 : 0))
      for (let i = 0; i < 32; i++) {
        const q = (n * 5 + block * 11 + i * 13 + ((n * i) >> 2)) % 16
        const byte = (n * blocks + block) * 16 + (i >> 1)
        b[byte] = (b[byte] ?? 0) | (q << (i % 2 === 1 ? 4 : 0))
        data[(block * 32 + i) * N + n] =
          (q - zero) * (scales[n * blocks + block] ?? 0) + (correction[block * N + n] ?? 0)
      }
    }
  }
  return {
    packed: { kind: 'nb4s', K, N, b, scales, zeroPoints, correction },
    dense: { kind: 'f32', K, N, data },
  }
}

/** One model twice: with four-bit weights in blocks of 32, and with the floats that these represent. */
export function makePackedWeights(): { packed: LoadedWeights; floats: LoadedWeights } {
  const shape: DecoderShape = { ...TINY, width: 64, heads: 4, kvHeads: 2, headWidth: 16, feedForward: 96 }
  const plain = makeTinyWeights(shape)
  const made = new Map<string, ReturnType<typeof packFourBits>>()
  const find = (name: string, { K, N }: LinearWeight): ReturnType<typeof packFourBits> => {
    const known = made.get(name) ?? packFourBits(K, N, 100 + made.size * 2)
    made.set(name, known)
    return known
  }
  const both = (kind: 'packed' | 'dense'): LoadedWeights => ({
    ...plain,
    linear: (layer, which) => find(`${which} ${layer}`, plain.linear(layer, which))[kind],
    head: find('head', plain.head)[kind],
  })
  return { packed: both('packed'), floats: both('dense') }
}

/** One token per byte, and an end token. */
export const byteTokenizer: TextTokenizer = {
  vocabularySize: 257,
  encode: (text) => [...new TextEncoder().encode(text)],
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
  endIds: new Set([END]),
  startIds: [],
  isSpecial: (id) => id === END,
  idOf: () => undefined,
  encodeChat: () => {
    throw new Error('no chat')
  },
  renderChat: () => {
    throw new Error('This tokenizer has no chat template.')
  },
  hasChatTemplate: false,
  tokenBytes: (id) => (id < 256 ? Uint8Array.of(id) : new Uint8Array(0)),
}
