// Knows: a small decoder with a class head and its rows, as in tests/oracles/classes.py.
import type { DecoderShape } from '../models/shape.ts'
import type { PackedRow, TeacherRow } from '../training/packing.ts'
import { makeSmallRows, SMALL } from './small.ts'

const CLASSES = 5
export const SMALL_CLASSES: DecoderShape = { ...SMALL, classes: CLASSES }
export const CLASS_OPTIONS = { temperature: 2, softShare: 0.75, smoothing: 0.1 }

/** A distribution over all classes as the soft targets of one prediction: the remaining mass is 0. */
export const toSoftTargets = (shares: readonly number[]): TeacherRow => ({
  topK: shares.length,
  ids: Uint16Array.from(shares.keys()),
  probabilities: Float32Array.from([...shares, 0], (share) => Math.max(share, 1e-9)),
})

/**
 * The three prompts of a step, each with its class as the last entry and the class probabilities of the oracle's
 * teacher.
 */
export const makeClassRows = (step: number): PackedRow[] =>
  makeSmallRows(step).map(({ tokens }, r) => {
    const prompt = tokens.slice(0, -1)
    const weights = Array.from({ length: CLASSES }, (_, k) =>
      Math.exp((3 * Math.sin(12.9898 * (r * CLASSES + k + 1) + 78.233 * step)) / CLASS_OPTIONS.temperature),
    )
    const total = weights.reduce((sum, one) => sum + one, 0)
    return {
      tokens: Int32Array.of(...prompt, (step + 2 * r) % CLASSES),
      from: prompt.length - 1,
      teacher: toSoftTargets(weights.map((one) => one / total)),
    }
  })
