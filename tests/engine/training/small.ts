// Knows: a small decoder, its weights by formula and its rows, as tests/oracles/train-step.py has them.
import { elementsOf } from '../../../src/engine/graph/dims.ts'
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import type { PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters } from '../../../src/engine/training/parameters.ts'
import { makeNumbers } from '../numbers.ts'

export const SMALL: DecoderShape = { layers: 2, width: 32, heads: 4, kvHeads: 2, headWidth: 8, feedForward: 64, vocabulary: 61, context: 12, ropeTheta: 10000, normEpsilon: 1e-5, tiedHead: true }

export function makeSmallWeights(shape: DecoderShape = SMALL): Float32Array {
  const parts = listParameters(shape).map(({ shape: size }, i) => (size.length === 2 ? makeNumbers(elementsOf(size), i + 1, 0.15, 0) : makeNumbers(elementsOf(size), i + 1, 0.2, 1)))
  const flat = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    flat.set(part, at)
    at += part.length
  }
  return flat
}

/** The three rows of step `step`. */
export const makeSmallRows = (step: number): PackedRow[] =>
  [0, 1, 2].map((r) => {
    const length = 8 + ((step + 2 * r) % 5)
    const prompt = 2 + ((step + r) % 3)
    return { tokens: Int32Array.from({ length: length + 1 }, (_, i) => (5 * step + 17 * r + (3 + r) * i) % SMALL.vocabulary), from: prompt - 1 }
  })

/** The words of the oracle's generator for the masks of a step, as numbers in [0, 1). */
export function makeWords(step: number): () => number {
  let word = 7919 * step
  return () => {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0
    return word / 4_294_967_296
  }
}
