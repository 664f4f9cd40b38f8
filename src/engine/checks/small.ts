// Knows: a small decoder, its weights by formula and its rows, as in tests/oracles/train-step.py.
import { elementsOf } from '../graph/dims.ts'
import type { DecoderShape } from '../models/shape.ts'
import type { PackedRow, TeacherRow } from '../training/packing.ts'
import type { TrainPair } from '../training/pairs.ts'
import { listParameters } from '../training/parameters.ts'
import { storeDirection } from '../weights/directions.ts'
import { makeNumbers } from './numbers.ts'

export const SMALL: DecoderShape = {
  layers: 2,
  width: 32,
  heads: 4,
  kvHeads: 2,
  headWidth: 8,
  feedForward: 64,
  vocabulary: 61,
  context: 12,
  ropeTheta: 10000,
  normEpsilon: 1e-5,
  tiedHead: true,
}

export function makeSmallWeights(shape: DecoderShape = SMALL): Float32Array {
  const parts = listParameters(shape).map(({ shape: size }, i) =>
    size.length === 2
      ? makeNumbers(elementsOf(size), i + 1, 0.15, 0)
      : makeNumbers(elementsOf(size), i + 1, 0.2, 1),
  )
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
    return {
      tokens: Int32Array.from(
        { length: length + 1 },
        (_, i) => (5 * step + 17 * r + (3 + r) * i) % SMALL.vocabulary,
      ),
      from: prompt - 1,
    }
  })

/** Tokens of a line of long rows: attention splits it into two blocks. */
export const LONG = 140

/** The three long rows of step `step`, as in tests/oracles/long-rows.py. */
export const makeLongRows = (step: number): PackedRow[] =>
  [0, 1, 2].map((r) => ({
    tokens: Int32Array.from(
      { length: 121 + 5 * ((step + 2 * r) % 5) },
      (_, i) => (5 * step + 17 * r + (3 + r) * i + Math.floor((i * i) / 7)) % SMALL.vocabulary,
    ),
    from: 39 + 20 * r,
  }))

/** The oracle's random generator for the dropout masks of a step: numbers in [0, 1). */
export function makeUniform(step: number): () => number {
  let word = 7919 * step
  return () => {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0
    return word / 4_294_967_296
  }
}

/** Options of the oracle's preference losses. */
export const PREFERRING = { beta: 0.5, margin: 0.4, drift: 0.3 }

/**
 * The three pairs of a step: the rows as chosen answers, the rejected ones with other tokens, and the log-probabilities
 * of the oracle's reference.
 */
export const makeSmallPairs = (step: number): TrainPair[] =>
  makeSmallRows(step).map((chosen, r) => {
    const prompt = chosen.from + 1
    const rejected = {
      tokens: chosen.tokens
        .slice(0, -1)
        .map((token, i) => (i < prompt ? token : (7 * token + 11 + (i - prompt)) % SMALL.vocabulary)),
      from: chosen.from,
    }
    return { chosen, rejected, reference: { chosen: -30 + r, rejected: -28 - 0.5 * r } }
  })

export const DISTILLING = { temperature: 2, textShare: 0.25 }
const TOP_K = 5

/** The three rows of one step with the soft targets of the oracle's teacher. */
export const makeTeacherRows = (step: number): PackedRow[] =>
  makeSmallRows(step).map((row, r) => {
    const count = row.tokens.length - 1 - row.from
    const teacher: TeacherRow = {
      topK: TOP_K,
      ids: new Uint16Array(count * TOP_K),
      probabilities: new Float32Array(count * (TOP_K + 1)),
    }
    for (let i = 0; i < count; i++) {
      const position = r * 12 + row.from + i
      const weights = Array.from({ length: SMALL.vocabulary }, (_, v) =>
        Math.exp(
          (3 * Math.sin(12.9898 * (position * SMALL.vocabulary + v + 1) + 78.233 * step)) /
            DISTILLING.temperature,
        ),
      )
      const total = weights.reduce((a, b) => a + b, 0)
      const best = [...weights.keys()].toSorted((a, b) => weights[b]! - weights[a]!).slice(0, TOP_K)
      teacher.ids.set(best, i * TOP_K)
      teacher.probabilities.set(
        [...best.map((v) => weights[v]! / total), 1 - best.reduce((sum, v) => sum + weights[v]!, 0) / total],
        i * (TOP_K + 1),
      )
    }
    return { ...row, teacher }
  })

/** Weight of the hidden states in the oracle. */
export const HIDDEN_SHARE = 1.5

/** Like `makeTeacherRows`, with the stored hidden states of the oracle's teacher. */
export const makeHiddenRows = (step: number): PackedRow[] =>
  makeTeacherRows(step).map((row, r) => {
    const { width } = SMALL
    const states = makeNumbers(3 * 12 * width, step + 100, 2)
    const count = row.tokens.length - 1 - row.from
    const directions = new Uint16Array(count * width)
    for (let i = 0; i < count; i++)
      storeDirection(states, (r * 12 + row.from + i) * width, width, directions, i * width)
    return { ...row, teacher: { ...(row.teacher as TeacherRow), hidden: { width, directions } } }
  })
