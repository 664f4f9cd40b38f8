// Knows: the win rate of one side of a comparison.
import type { Interval } from '../../domain/comparison.ts'
import type { Rng } from '../../domain/rng.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { bootstrapMean } from './bootstrap.ts'

export interface Wins {
  readonly wins: number
  readonly losses: number
  readonly ties: number
  /** Unreadable verdicts; they count for neither side and are not in the rate. */
  readonly unreadable: number
  /** (wins + ½ ties) / n of the first text, with its interval. Source: MT-Bench's adjusted win rate. */
  readonly rate: Interval
}

/** Wins of the first text over all verdicts. */
export function countWins(verdicts: readonly Pick<PairVerdict, 'outcome' | 'unreadable'>[], rng: Rng): Wins {
  const read = verdicts.filter(({ unreadable }) => unreadable === undefined)
  const points = { first: 1, second: 0, tie: 0.5 } as const
  const count = (outcome: PairVerdict['outcome']): number =>
    read.filter((verdict) => verdict.outcome === outcome).length
  return {
    wins: count('first'),
    losses: count('second'),
    ties: count('tie'),
    unreadable: verdicts.length - read.length,
    rate: bootstrapMean(
      read.map(({ outcome }) => points[outcome]),
      rng,
    ),
  }
}
