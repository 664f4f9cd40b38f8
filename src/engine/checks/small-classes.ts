// Knows: a small decoder with a head of classes, and rows for it, as tests/oracles/classes.py has them.
import type { DecoderShape } from '../models/shape.ts'
import type { PackedRow, TeacherRow } from '../training/packing.ts'
import { makeSmallRows, SMALL } from './small.ts'

const CLASSES = 5
export const SMALL_CLASSES: DecoderShape = { ...SMALL, classes: CLASSES }
export const CLASSING = { temperature: 2, softShare: 0.75, smoothing: 0.1 }

/** Distributions over all classes as a teacher's row of one prediction: nothing is left over. */
export const toShares = (shares: readonly number[]): TeacherRow => ({
  choices: shares.length,
  ids: Uint16Array.from(shares.keys()),
  probabilities: Float32Array.from([...shares, 0], (share) => Math.max(share, 1e-9)),
})

/** The three prompts of a step, each with its class as the last entry and what the oracle's teacher says of the classes. */
export const makeClassRows = (step: number): PackedRow[] =>
  makeSmallRows(step).map(({ tokens }, r) => {
    const prompt = tokens.slice(0, -1)
    const weights = Array.from({ length: CLASSES }, (_, k) =>
      Math.exp((3 * Math.sin(12.9898 * (r * CLASSES + k + 1) + 78.233 * step)) / CLASSING.temperature),
    )
    const total = weights.reduce((sum, one) => sum + one, 0)
    return {
      tokens: Int32Array.of(...prompt, (step + 2 * r) % CLASSES),
      from: prompt.length - 1,
      teacher: toShares(weights.map((one) => one / total)),
    }
  })
