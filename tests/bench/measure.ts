// Knows: the result of a benchmark part and how the median is computed. Runs in the page and in Node.

/** One measured line. */
export interface Measured {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** How it was measured, in a few words. */
  readonly how: string
}

/** A ratio of two measured values, which is the purpose of a benchmark. */
export interface Ratio {
  readonly what: string
  readonly ratio: number
}

export interface PartResult {
  readonly measured: readonly Measured[]
  readonly ratios: readonly Ratio[]
}

export const PARTS = [
  'generation',
  'decoding',
  'judging',
  'training',
  'lora',
  'endurance',
  'memory',
  'losses',
  'storage',
  'opening',
  'loading',
  'native',
  'peers',
  'built-in-teacher',
  'classes',
  'scale',
] as const
export type Part = (typeof PARTS)[number]

/** The median; NaN without values. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Milliseconds that work takes. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
