// Knows: level 1: what some of one product cost.
import { pick } from '../draws.ts'
import { NAMES } from '../people.ts'
import { drawLot, stepOf, totalOf, writeLot, type ProblemKind } from './problem.ts'

export const oneKind: ProblemKind = {
  level: 1,
  draw(rng) {
    const { name, they } = pick(NAMES, rng)
    const lot = drawLot(rng)
    const text = pick(
      [
        `${name} buys ${writeLot(lot)}. How much does ${they} pay?`,
        `How much are ${writeLot(lot)}?`,
        `${name} puts ${writeLot(lot)} into the basket. What is the total?`,
        `A customer wants ${writeLot(lot)}. What does that make?`,
        `We sell ${writeLot(lot)} to ${name}. How much is it?`,
      ],
      rng,
    )
    return { level: 1, text, steps: [stepOf(lot)], cents: totalOf(lot) }
  },
}
