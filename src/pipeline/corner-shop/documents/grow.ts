// Knows: lists of tasks in Self-Instruct's format.
import { flattenShot, writeGrowthText } from '../../templates/self-instruct.ts'
import { chance } from '../draws.ts'
import { drawNote } from '../notes.ts'
import { drawProblem } from '../problems/index.ts'
import { drawTask } from '../task.ts'
import { drawAllowed, type DocumentKind } from './document.ts'

/** Last number of a list: Self-Instruct's default stop. */
const LAST = 16

export const grow: DocumentKind = {
  name: 'grow',
  weight: 5,
  draw(rng, { isHeldOut }) {
    const share = [0, 0, 0.5, 1][rng.below(4)] as number
    const drawOne = () =>
      drawAllowed(
        () => (chance(share, rng) ? drawProblem(rng) : chance(0.06, rng) ? drawNote(rng) : drawTask(rng)),
        isHeldOut,
      ).text
    const shown = 1 + rng.below(8)
    const shots = Array.from({ length: shown }, drawOne)
    const head = writeGrowthText(shots)
    const tasks = Array.from({ length: LAST - 1 - shown }, drawOne)
    const list = tasks
      .map((text, i) => `${i === 0 ? '' : `${shown + 1 + i}.`} ${flattenShot(text)}\n`)
      .join('')
    // The list ends with the number at which the request stops.
    return { kind: 'raw', text: `${head}${list}${LAST}.`, learnFrom: head.length }
  },
}
