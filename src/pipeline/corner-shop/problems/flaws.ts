// Knows: the ways in which a solution can be wrong or incomplete, and their true scores.
import type { Rng } from '../../../domain/rng.ts'
import { pick } from '../draws.ts'
import { writeMoney } from '../goods.ts'
import type { TrueScores } from '../reply.ts'
import { drawProblem } from './index.ts'
import { writeSolution, type Problem } from './problem.ts'

export interface FlawedSolution {
  readonly text: string
  readonly scores: TrueScores
  readonly critique: string
}

const by = (helpfulness: TrueScores['helpfulness'], correctness: TrueScores['correctness']): TrueScores => ({
  helpfulness,
  correctness,
})

/** Another amount, off by a little, in one digit, or altogether. */
function slipOf(cents: number, rng: Rng): number {
  const off = pick([5, 10, 20, 100, 50, 200, 1000, 15, 90], rng)
  return cents > off && rng.next() < 0.5 ? cents - off : cents + off
}

export const SOLUTION_FLAWS: readonly {
  readonly name: string
  readonly weight: number
  write(problem: Problem, rng: Rng): FlawedSolution
}[] = [
  {
    name: 'none',
    weight: 5,
    write: (problem) => ({ text: writeSolution(problem), scores: by(5, 5), critique: 'Nothing is wrong.' }),
  },
  {
    name: 'answer only',
    weight: 2,
    write: ({ cents }) => ({
      text: `Answer: ${writeMoney(cents)}`,
      scores: by(4, 5),
      critique: 'It does not show the steps.',
    }),
  },
  {
    name: 'unfinished',
    weight: 2,
    write: ({ steps }) => ({
      text: steps.join('\n'),
      scores: by(3, 5),
      critique: 'It leaves out the answer.',
    }),
  },
  {
    name: 'slip',
    weight: 4,
    write: ({ steps, cents }, rng) => {
      const wrong = slipOf(cents, rng)
      const last = (steps.at(-1) ?? '').replace(/= .*$/, `= ${writeMoney(wrong)}`)
      return {
        text: writeSolution({ steps: [...steps.slice(0, -1), last], cents: wrong }),
        scores: by(2, 2),
        critique: 'It is wrong: a step is off.',
      }
    },
  },
  {
    name: 'wrong answer',
    weight: 2,
    write: ({ steps, cents }, rng) => ({
      text: writeSolution({ steps, cents: slipOf(cents, rng) }),
      scores: by(2, 3),
      critique: 'It is wrong: the answer is not that of the steps.',
    }),
  },
  {
    name: 'nonsense',
    weight: 1,
    write: (problem, rng) => ({
      text: Array.from({ length: 5 + rng.below(12) }, () =>
        pick(writeSolution(problem).split(/\s/), rng),
      ).join(' '),
      scores: by(1, 1),
      critique: 'It makes no sense.',
    }),
  },
  {
    name: 'other',
    weight: 2,
    write: (_, rng) => ({
      text: writeSolution(drawProblem(rng)),
      scores: by(1, 1),
      critique: 'It does not answer the question.',
    }),
  },
]
