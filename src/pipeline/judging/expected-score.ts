// Knows: how a verdict is requested, and read from the log-probabilities of the five scores.
// Must not know: prose. No text of the judge is parsed, so none can be misread as a score.
import type { ChatMessage, ScoreRequest, ScoreResult } from '../../domain/completion-request.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { SCALE, type Verdict } from '../../domain/verdict.ts'
import { SCORE_PREFIX, writeJudgeChat } from '../templates/judge-chat.ts'
import type { Rubric } from '../templates/rubrics.ts'

/** The five continuations of the answer prefix. */
export const SCORE_CONTINUATIONS: readonly string[] = SCALE.map((score) => ` ${score}`)

export interface JudgedText {
  readonly prompt: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[] | undefined
  readonly completion: string
}

/** The judge's request for one completion. `id` is returned with the result; `contextLength` is the judge's, in tokens. */
export function buildVerdictRequest(
  id: string,
  { prompt, earlier, completion }: JudgedText,
  rubric: Rubric,
  contextLength?: number,
): ScoreRequest {
  return {
    id,
    input: writeJudgeChat(rubric, prompt, completion, contextLength, earlier),
    answerPrefix: SCORE_PREFIX,
    continuations: SCORE_CONTINUATIONS,
  }
}

/**
 * The verdict in a result: the expected score under the five probabilities (softmax of their logs), and `mass`, their sum before
 * that. Unreadable, with the reason, if a number is missing or not finite, or if `mass` is below `minMass`: then the judge
 * did not respond with a score.
 */
export function readVerdict(
  result: Pick<ScoreResult, 'logProbs' | 'reasoning'>,
  { rubric, judge, minMass }: { rubric: string; judge: ModelRef; minMass: number },
): Verdict {
  const { logProbs, reasoning } = result
  const unreadable = (reason: string, probability?: number): Verdict => ({
    kind: 'unreadable',
    rubric,
    judge,
    reason,
    ...(probability === undefined ? {} : { mass: probability }),
  })
  if (logProbs.length !== SCALE.length)
    return unreadable(`the judge returned ${logProbs.length} of ${SCALE.length} probabilities`)
  const max = Math.max(...logProbs)
  // −∞ for some scores is a probability of 0; −∞ for all of them, NaN or +∞ is unreadable.
  if (!Number.isFinite(max) || logProbs.some((logProb) => Number.isNaN(logProb)))
    return unreadable('the judge’s probabilities are not numbers')
  const weights = logProbs.map((logProb) => Math.exp(logProb - max))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const mass = Math.min(1, Math.exp(max) * total) // rounding can lift it slightly above 1
  if (!(mass >= minMass))
    return unreadable(
      `the five scores have a total probability below ${minMass}: the judge did not respond with a score`,
      mass,
    )
  const distribution = weights.map((weight) => weight / total)
  const score = distribution.reduce((sum, probability, i) => sum + probability * (SCALE[i] as number), 0)
  return {
    kind: 'score',
    rubric,
    judge,
    score,
    distribution,
    mass,
    ...(reasoning === undefined ? {} : { reasoning }),
  }
}
