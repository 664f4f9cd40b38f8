// Knows: a word problem and its worked solution, with or without the instruction to show steps.
import { writeSolvePrompt } from '../../templates/solve.ts'
import { chance } from '../draws.ts'
import { drawProblem } from '../problems/index.ts'
import { writeSolution } from '../problems/problem.ts'
import { assistantMessage, drawAllowed, promptMessages, type DocumentKind } from './document.ts'

export const solve: DocumentKind = {
  name: 'solve',
  weight: 40,
  draw(rng, { isHeldOut }) {
    const problem = drawAllowed(() => drawProblem(rng), isHeldOut)
    return {
      kind: 'chat',
      messages: [
        ...promptMessages(chance(0.3, rng) ? writeSolvePrompt(problem.text) : problem.text, rng),
        assistantMessage(writeSolution(problem)),
      ],
      learnFrom: 1,
    }
  },
}
