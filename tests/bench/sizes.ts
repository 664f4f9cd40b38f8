// Knows: the four sizes of students in the training benchmarks, and rows for them.
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import type { PackedRow } from '../../src/engine/training/packing.ts'

/** Tokens of a row. */
export const LENGTH = 128
/** Batch size. */
export const ROWS = 8

const common = { ropeTheta: 10_000, normEpsilon: 1e-5, tiedHead: true, context: LENGTH, vocabulary: 1024 }

/** 0.4, 0.9, 3 and 10 million parameters: the page's presets from micro to large. */
export const SHAPES: readonly DecoderShape[] = [
  { ...common, layers: 3, width: 96, heads: 4, kvHeads: 2, headWidth: 24, feedForward: 256 },
  { ...common, layers: 4, width: 128, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 368 },
  { ...common, layers: 4, width: 256, heads: 8, kvHeads: 4, headWidth: 32, feedForward: 640 },
  { ...common, layers: 6, width: 384, heads: 8, kvHeads: 4, headWidth: 48, feedForward: 1024 },
]

/** Rows without padding in which every prediction counts, so that tokens/s are trained tokens per second. */
export const makeTokenRows = (count: number, vocabulary: number): PackedRow[] =>
  Array.from({ length: count }, (_, row) => ({
    tokens: Int32Array.from(
      { length: LENGTH + 1 },
      (__, index) => (row * 131 + index * index * 7) % vocabulary,
    ),
    from: 0,
  }))
