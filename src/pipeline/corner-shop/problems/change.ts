// Knows: level 3: the change for a basket.
import { pick } from '../draws.ts'
import { drawGoods, writeMoney } from '../goods.ts'
import { NAMES } from '../people.ts'
import {
  drawLot,
  lessStep,
  noteFor,
  stepOf,
  sumStep,
  totalOf,
  writeLot,
  type ProblemKind,
} from './problem.ts'

export const change: ProblemKind = {
  level: 3,
  draw(rng) {
    const { name, they } = pick(NAMES, rng)
    const lot = drawLot(rng)
    const other = drawGoods(rng)
    const total = totalOf(lot) + other.cents
    const note = noteFor(total)
    const basketOf = `${writeLot(lot)} and one ${other.one} for ${writeMoney(other.cents)}`
    const text = pick(
      [
        `${name} buys ${basketOf}, and pays with ${writeMoney(note)}. How much change does ${they} get?`,
        `A customer takes ${basketOf} and gives ${writeMoney(note)}. How much goes back?`,
        `${name} has ${writeMoney(note)} and buys ${basketOf}. How much is left?`,
        `The bill shows ${basketOf}. ${name} pays with ${writeMoney(note)}. What is the change?`,
      ],
      rng,
    )
    return {
      level: 3,
      text,
      steps: [stepOf(lot), sumStep(totalOf(lot), other.cents), lessStep(note, total)],
      cents: note - total,
    }
  },
}
