// Knows: level 2: what two kinds of product cost together.
import { pick } from '../draws.ts'
import { drawGoods, writeMoney } from '../goods.ts'
import { NAMES } from '../people.ts'
import { drawLot, stepOf, sumStep, totalOf, writeLot, type ProblemKind } from './problem.ts'

export const basket: ProblemKind = {
  level: 2,
  draw(rng) {
    const { name, they } = pick(NAMES, rng)
    const lot = drawLot(rng)
    const other = drawGoods(rng)
    const basketOf = `${writeLot(lot)} and one ${other.one} for ${writeMoney(other.cents)}`
    const text = pick(
      [
        `${name} buys ${basketOf}. How much does ${they} pay?`,
        `How much are ${basketOf}?`,
        `${name} comes to the till with ${basketOf}. What is the total?`,
        `There are ${basketOf} on the bill. What is the sum?`,
        `${name} takes ${basketOf}. What does that make?`,
      ],
      rng,
    )
    return {
      level: 2,
      text,
      steps: [stepOf(lot), sumStep(totalOf(lot), other.cents)],
      cents: totalOf(lot) + other.cents,
    }
  },
}
