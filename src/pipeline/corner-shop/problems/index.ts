// Knows: all kinds of word problems, by level; and how to solve one that a model has written in the shop's words.
import type { Rng } from '../../../domain/rng.ts'
import { basket } from './basket.ts'
import { change } from './change.ts'
import { coupon } from './coupon.ts'
import { oneKind } from './one-kind.ts'
import type { Problem, ProblemKind } from './problem.ts'

export const PROBLEM_KINDS: readonly ProblemKind[] = [oneKind, basket, change, coupon]

/** A problem of a level drawn evenly. */
export const drawProblem = (rng: Rng): Problem =>
  (PROBLEM_KINDS[rng.below(PROBLEM_KINDS.length)] as ProblemKind).draw(rng)

const toCents = (dollars: string): number => Math.round(Number(dollars) * 100)

/**
 * The right answer of a problem in cents, computed from its text: counts at prices, single products at a price, a coupon, and a
 * banknote if the question is the change. Undefined if the text is not a problem of the shop.
 */
export function solveProblem(text: string): number | undefined {
  const lots = [...text.matchAll(/\b(\d+) [a-z ]+? at \$(\d+\.\d\d) each/g)].reduce(
    (sum, [, count, dollars]) => sum + Number(count) * toCents(dollars ?? ''),
    0,
  )
  if (lots === 0 || !text.includes('?')) return undefined
  const single = /and one [a-z ]+? for \$(\d+\.\d\d)/.exec(text)?.[1]
  const off = /coupon for \$(\d+\.\d\d)|takes off \$(\d+\.\d\d)/.exec(text)
  const total = lots + (single ? toCents(single) : 0) - (off ? toCents(off[1] ?? off[2] ?? '') : 0)
  const note = /pays with \$(\d+\.\d\d)|gives \$(\d+\.\d\d)|has \$(\d+\.\d\d)|back from \$(\d+\.\d\d)/
    .exec(text)
    ?.slice(1)
    .find(Boolean)
  return note === undefined ? total : toCents(note) - total
}
