// Knows: a word problem and its worked solution, asked plainly or with the wish for steps.
import { writeSolvePrompt } from '../../templates/solve.ts'
import { chance } from '../draws.ts'
import { drawProblem } from '../problems/index.ts'
import { writeSolution } from '../problems/problem.ts'
import { asks, drawAllowed, says, type DocumentKind } from './document.ts'

export const solve: DocumentKind = {
  name: 'solve',
  weight: 40,
  draw(rng, { isHeldOut }) {
    const problem = drawAllowed(() => drawProblem(rng), isHeldOut)
    return {
      kind: 'chat',
      messages: [
        ...asks(chance(0.3, rng) ? writeSolvePrompt(problem.text) : problem.text, rng),
        says(writeSolution(problem)),
      ],
      learnFrom: 1,
    }
  },
}
