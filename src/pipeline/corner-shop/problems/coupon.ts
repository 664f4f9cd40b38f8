// Knows: level 4: the change for two lots, less a coupon.
import { pick } from '../draws.ts'
import { writeMoney } from '../goods.ts'
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

export const coupon: ProblemKind = {
  level: 4,
  draw(rng) {
    const { name, they } = pick(NAMES, rng)
    const [a, b] = [drawLot(rng), drawLot(rng)]
    const sum = totalOf(a) + totalOf(b)
    const off = Math.min(pick([50, 100, 150, 200], rng), sum - 5)
    const total = sum - off
    const note = noteFor(total)
    const text = pick(
      [
        `${name} buys ${writeLot(a)} and ${writeLot(b)}, has a coupon for ${writeMoney(off)} and pays with ${writeMoney(note)}. How much change does ${they} get?`,
        `${name} takes ${writeLot(a)} and ${writeLot(b)}. A coupon takes off ${writeMoney(off)}. What goes back from ${writeMoney(note)}?`,
        `The bill shows ${writeLot(a)} and ${writeLot(b)}, less a coupon for ${writeMoney(off)}. ${name} gives ${writeMoney(note)}. What is the change?`,
      ],
      rng,
    )
    return {
      level: 4,
      text,
      steps: [
        stepOf(a),
        stepOf(b),
        sumStep(totalOf(a), totalOf(b)),
        lessStep(sum, off),
        lessStep(note, total),
      ],
      cents: note - total,
    }
  },
}
