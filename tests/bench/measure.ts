// Knows: what a measurement answers and how the middle of several is taken. Runs in the page and in Node.

/** One measured line. */
export interface Measured {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** How it was measured, in a few words. */
  readonly how: string
}

/** A ratio of two measured values, which is what a benchmark is for. */
export interface Ratio {
  readonly what: string
  readonly ratio: number
}

export interface PartAnswer {
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
  'box',
  'classes',
] as const
export type Part = (typeof PARTS)[number]

/** The middle value; NaN of none. */
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
