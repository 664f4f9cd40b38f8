// Knows: what a word problem of the shop is, and the text of its parts.
import type { Rng } from '../../../domain/rng.ts'
import { chance } from '../draws.ts'
import { drawGoods, writeMoney, type Goods } from '../goods.ts'

/** A word problem with its solution. */
export interface Problem {
  /** 1 (one product) to 4 (a basket, a coupon and change). */
  readonly level: Level
  readonly text: string
  /** Calculations in order, such as `3 x $0.40 = $1.20`. */
  readonly steps: readonly string[]
  readonly cents: number
}

export type Level = 1 | 2 | 3 | 4

/** A generator of problems of one level. */
export interface ProblemKind {
  readonly level: Level
  draw(rng: Rng): Problem
}

/** Some of one product. */
export interface Lot {
  readonly goods: Goods
  readonly count: number
  /** Price of one. */
  readonly cents: number
}

/** Two to six of something, at the shop's price or at one of its own (a multiple of five cents). */
export function drawLot(rng: Rng): Lot {
  const goods = drawGoods(rng)
  return { goods, count: 2 + rng.below(5), cents: chance(0.5, rng) ? goods.cents : 5 * (2 + rng.below(118)) }
}

export const writeLot = ({ goods, count, cents }: Lot): string =>
  `${count} ${goods.many} at ${writeMoney(cents)} each`
export const totalOf = ({ count, cents }: Lot): number => count * cents
export const stepOf = ({ count, cents }: Lot): string =>
  `${count} x ${writeMoney(cents)} = ${writeMoney(count * cents)}`
export const sumStep = (a: number, b: number): string =>
  `${writeMoney(a)} + ${writeMoney(b)} = ${writeMoney(a + b)}`
export const lessStep = (a: number, b: number): string =>
  `${writeMoney(a)} - ${writeMoney(b)} = ${writeMoney(a - b)}`

/** Banknotes, in cents. */
export const BANKNOTES: readonly number[] = [500, 1000, 2000, 5000, 10_000]

/** The smallest sufficient banknote. */
export const noteFor = (cents: number): number => BANKNOTES.find((note) => note >= cents) ?? 10_000

/** The steps, one per line, and the answer. */
export const writeSolution = ({ steps, cents }: Pick<Problem, 'steps' | 'cents'>): string =>
  [...steps, `Answer: ${writeMoney(cents)}`].join('\n')
