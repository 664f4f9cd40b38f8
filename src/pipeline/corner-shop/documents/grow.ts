// Knows: lists of tasks as Self-Instruct asks for them.
import { flattenShot, writeGrowthText } from '../../templates/self-instruct.ts'
import { chance } from '../draws.ts'
import { drawNote } from '../notes.ts'
import { drawProblem } from '../problems/index.ts'
import { drawTask } from '../task.ts'
import { drawAllowed, type DocumentKind } from './document.ts'

/** Numbers that a list goes to at most: where Self-Instruct stops reading. */
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
    // The list goes on to the number at which the request ends.
    return { kind: 'raw', text: `${head}${list}${LAST}.`, learnFrom: head.length }
  },
}
