// Knows: a prompt with a completion of known quality: the training and evaluation data of judges.
import type { Rng } from '../../domain/rng.ts'
import { chance, pickByWeight } from './draws.ts'
import { FLAWS } from './flaws.ts'
import { SOLUTION_FLAWS } from './problems/flaws.ts'
import { drawProblem } from './problems/index.ts'
import { writeSolution } from './problems/problem.ts'
import { critiqueReply, drawReply, joinParts, scoreReply, type TrueScores } from './reply.ts'
import { drawNote, writeNote } from './notes.ts'
import { drawTask } from './task.ts'

export interface JudgedItem {
  readonly prompt: string
  readonly completion: string
  readonly scores: TrueScores
  readonly critique: string
  /** A right completion of the same prompt. */
  readonly right: string
}

/** A source of completions of any quality for one prompt. */
export interface ItemSource {
  readonly prompt: string
  draw(rng: Rng): JudgedItem
}

/** A prompt drawn from the shop: two in three are from customers, one is a word problem. */
export function drawItemSource(rng: Rng, isHeldOut: (text: string) => boolean): ItemSource {
  for (;;) {
    const source = chance(0.04, rng) ? fromNote(rng) : chance(0.66, rng) ? fromTask(rng) : fromProblem(rng)
    if (!isHeldOut(source.prompt)) return source
  }
}

function fromTask(rng: Rng): ItemSource {
  const task = drawTask(rng)
  return {
    prompt: task.text,
    draw: (draws) => {
      for (;;) {
        const flaw = pickByWeight(FLAWS, draws)
        const completion = flaw.write(task, draws)
        if (completion === undefined) continue
        const nonsense = flaw.name === 'nonsense'
        const scores: TrueScores = nonsense
          ? { helpfulness: 1, correctness: 1 }
          : scoreReply(task, completion)
        return {
          prompt: task.text,
          completion,
          scores,
          critique: nonsense ? 'It makes no sense.' : critiqueReply(task, completion),
          right: joinParts(drawReply(task, draws)),
        }
      }
    },
  }
}

function fromNote(rng: Rng): ItemSource {
  const note = drawNote(rng)
  return {
    prompt: note.text,
    draw: (draws) => {
      const right = writeNote(note, draws)
      if (chance(0.5, draws))
        return {
          prompt: note.text,
          completion: right,
          scores: { helpfulness: 5, correctness: 5 },
          critique: 'Nothing is wrong.',
          right,
        }
      const other = drawNote(draws)
      return {
        prompt: note.text,
        completion: other.news === note.news ? 'See you soon!' : writeNote(other, draws),
        scores: { helpfulness: 1, correctness: 1 },
        critique: 'It does not answer the question.',
        right,
      }
    },
  }
}

function fromProblem(rng: Rng): ItemSource {
  const problem = drawProblem(rng)
  return {
    prompt: problem.text,
    draw: (draws) => {
      const { text, scores, critique } = pickByWeight(SOLUTION_FLAWS, draws).write(problem, draws)
      return { prompt: problem.text, completion: text, scores, critique, right: writeSolution(problem) }
    },
  }
}
