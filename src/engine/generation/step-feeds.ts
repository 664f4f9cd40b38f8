// Knows: how new tokens of several rows become the tensors of one run: embeddings, positions, mask, chosen positions.
import type { HostTensor } from '../runtime/types.ts'

/** Far below every score and finite, so that a row of padding gives numbers, not NaN. */
const MASKED = -1e9

/** Numbers that are summed side by side: where a segment ends between two of them depends on a row's batch-mates, and with it the rounding. */
const LANES = 4

/** One row of a run; a row without tokens is padding. */
export interface FeedRow {
  readonly tokens: readonly number[]
  readonly logitsAt: readonly number[]
  /** Tokens the row holds already, without the shared beginning. */
  readonly held: number
}

export interface FeedSizes {
  readonly width: number
  /** Length of the shared segment as fed, and how much of it is real. */
  readonly shared: number
  readonly sharedReal: number
  /** Length of the own segment as fed. */
  readonly own: number
  /** True where new tokens are a segment of their own behind the own past; false where they lie in it, at their place. */
  readonly freshSegment: boolean
  /** Tokens that layers with a window see; undefined where there is no such mask. */
  readonly window: number | undefined
}

export interface StepFeeds {
  readonly x: HostTensor
  readonly positions: HostTensor
  readonly mask: HostTensor
  readonly window_mask?: HostTensor
  readonly chosen: HostTensor
  /** Longest row: new tokens are padded at their end to this. */
  readonly length: number
}

/** Builds the tensors of `makeCachedAttention` and `buildCachedDecoder` that do not hold the past. */
export function makeStepFeeds(
  rows: readonly FeedRow[],
  sizes: FeedSizes,
  embedRow: (id: number, out: Float32Array, at: number) => void,
): StepFeeds {
  const { width, shared, sharedReal, own, freshSegment, window } = sizes
  const batch = rows.length
  const longest = Math.max(1, ...rows.map(({ tokens }) => tokens.length))
  const length = freshSegment && longest > 1 ? Math.ceil(longest / LANES) * LANES : longest
  const total = shared + own + (freshSegment ? length : 0)
  const x = new Float32Array(batch * length * width)
  const positions = new BigInt64Array(batch * length)
  const mask = new Float32Array(batch * length * total).fill(MASKED)
  const windowMask = window === undefined ? undefined : new Float32Array(batch * length * total).fill(MASKED)
  const chosen: bigint[] = []
  rows.forEach(({ tokens, logitsAt, held }, row) => {
    const seen = sharedReal + held
    tokens.forEach((token, i) => {
      embedRow(token, x, (row * length + i) * width)
      positions[row * length + i] = BigInt(seen + i)
      const line = (row * length + i) * total
      mask.fill(0, line, line + sharedReal)
      if (freshSegment) {
        mask.fill(0, line + shared, line + shared + held)
        mask.fill(0, line + shared + own, line + shared + own + i + 1)
      } else mask.fill(0, line + shared, line + shared + held + i + 1)
      if (windowMask !== undefined && window !== undefined) {
        // The first position that is seen, and how far it lies in each segment.
        const first = Math.max(0, seen + i + 1 - window)
        windowMask.fill(0, line + Math.min(first, sharedReal), line + sharedReal)
        const fromOwn = Math.max(0, first - sharedReal)
        if (freshSegment) {
          windowMask.fill(0, line + shared + Math.min(fromOwn, held), line + shared + held)
          windowMask.fill(0, line + shared + own + Math.max(0, fromOwn - held), line + shared + own + i + 1)
        } else windowMask.fill(0, line + shared + fromOwn, line + shared + held + i + 1)
      }
    })
    for (const at of logitsAt) chosen.push(BigInt(row * length + at))
  })
  return {
    x: { dtype: 'f32', shape: [batch, length, width], data: x },
    positions: { dtype: 'i64', shape: [batch, length], data: positions },
    mask: { dtype: 'f32', shape: [batch, 1, length, total], data: mask },
    ...(windowMask === undefined
      ? {}
      : { window_mask: { dtype: 'f32', shape: [batch, 1, length, total], data: windowMask } }),
    chosen: { dtype: 'i64', shape: [chosen.length], data: BigInt64Array.from(chosen) },
    length,
  }
}

/** One number as int64 [1]. */
export const oneInteger = (n: number): HostTensor => ({
  dtype: 'i64',
  shape: [1],
  data: BigInt64Array.of(BigInt(n)),
})
