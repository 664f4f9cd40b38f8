// Knows: how often one side of a comparison wins.
import type { Interval } from '../../domain/comparison.ts'
import type { Rng } from '../../domain/rng.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { bootstrapMean } from './bootstrap.ts'

export interface Wins {
  readonly wins: number
  readonly losses: number
  readonly ties: number
  /** (wins + ½ ties) / n of the first text, with its interval. Source: MT-Bench's adjusted win rate. */
  readonly rate: Interval
}

/** Wins of the first text over all verdicts. */
export function countWins(verdicts: readonly Pick<PairVerdict, 'outcome'>[], rng: Rng): Wins {
  const points = { first: 1, second: 0, tie: 0.5 } as const
  const count = (outcome: PairVerdict['outcome']): number => verdicts.filter((verdict) => verdict.outcome === outcome).length
  return { wins: count('first'), losses: count('second'), ties: count('tie'), rate: bootstrapMean(verdicts.map(({ outcome }) => points[outcome]), rng) }
}
