// Knows: how new tokens of several rows become the tensors of one run: embeddings, positions, masks, positions
// of the logits.
import type { HostTensor } from '../runtime/types.ts'

/** Far below every attention score but finite, so that a row of padding computes numbers, not NaN. */
const MASKED = -1e9

/**
 * SIMD lanes: if a segment ended within a group of lanes, the rounding of a row would depend on the other rows
 * of the batch.
 */
const LANES = 4

/** One row of a run; a row without tokens is padding. */
export interface FeedRow {
  readonly tokens: readonly number[]
  readonly logitsAt: readonly number[]
  /** Tokens of the row that are in the cache, without the shared prefix. */
  readonly length: number
}

export interface FeedSizes {
  readonly width: number
  /** Length of the shared segment as fed, and how many of its positions are tokens. */
  readonly shared: number
  readonly sharedReal: number
  /** Length of the row's own segment as fed. */
  readonly own: number
  /**
   * True if new tokens are a segment of their own after the own past; false if they are written into it, at
   * their position.
   */
  readonly freshSegment: boolean
  /** Size of the attention window of the layers that have one; undefined if no layer needs a window mask. */
  readonly window: number | undefined
}

export interface StepFeeds {
  readonly x: HostTensor
  readonly positions: HostTensor
  readonly mask: HostTensor
  readonly window_mask?: HostTensor
  readonly chosen: HostTensor
  /** New tokens of each row, padded at the end to the longest row. */
  readonly newLength: number
}

/** Builds the inputs of `makeCachedAttention` and `buildCachedDecoder` other than the past. */
export function makeStepFeeds(
  rows: readonly FeedRow[],
  sizes: FeedSizes,
  embedRow: (id: number, out: Float32Array, at: number) => void,
): StepFeeds {
  const { width, shared, sharedReal, own, freshSegment, window } = sizes
  const batch = rows.length
  const longest = Math.max(1, ...rows.map(({ tokens }) => tokens.length))
  const newLength = freshSegment && longest > 1 ? Math.ceil(longest / LANES) * LANES : longest
  const total = shared + own + (freshSegment ? newLength : 0)
  const x = new Float32Array(batch * newLength * width)
  const positions = new BigInt64Array(batch * newLength)
  const mask = new Float32Array(batch * newLength * total).fill(MASKED)
  const windowMask =
    window === undefined ? undefined : new Float32Array(batch * newLength * total).fill(MASKED)
  const chosen: bigint[] = []
  rows.forEach(({ tokens, logitsAt, length }, row) => {
    const seen = sharedReal + length
    tokens.forEach((token, i) => {
      embedRow(token, x, (row * newLength + i) * width)
      positions[row * newLength + i] = BigInt(seen + i)
      const line = (row * newLength + i) * total
      mask.fill(0, line, line + sharedReal)
      if (freshSegment) {
        mask.fill(0, line + shared, line + shared + length)
        mask.fill(0, line + shared + own, line + shared + own + i + 1)
      } else mask.fill(0, line + shared, line + shared + length + i + 1)
      if (windowMask !== undefined && window !== undefined) {
        // The first position inside the window, and its offset in each segment.
        const first = Math.max(0, seen + i + 1 - window)
        windowMask.fill(0, line + Math.min(first, sharedReal), line + sharedReal)
        const fromOwn = Math.max(0, first - sharedReal)
        if (freshSegment) {
          windowMask.fill(0, line + shared + Math.min(fromOwn, length), line + shared + length)
          windowMask.fill(0, line + shared + own + Math.max(0, fromOwn - length), line + shared + own + i + 1)
        } else windowMask.fill(0, line + shared + fromOwn, line + shared + length + i + 1)
      }
    })
    for (const at of logitsAt) chosen.push(BigInt(row * newLength + at))
  })
  return {
    x: { dtype: 'f32', shape: [batch, newLength, width], data: x },
    positions: { dtype: 'i64', shape: [batch, newLength], data: positions },
    mask: { dtype: 'f32', shape: [batch, 1, newLength, total], data: mask },
    ...(windowMask === undefined
      ? {}
      : { window_mask: { dtype: 'f32', shape: [batch, 1, newLength, total], data: windowMask } }),
    chosen: { dtype: 'i64', shape: [chosen.length], data: BigInt64Array.from(chosen) },
    newLength,
  }
}

/** One number as int64 [1]. */
export const oneInteger = (n: number): HostTensor => ({
  dtype: 'i64',
  shape: [1],
  data: BigInt64Array.of(BigInt(n)),
})
