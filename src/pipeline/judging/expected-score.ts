// Knows: how a verdict is asked for and read from log-probabilities of the five scores.
// Must not know: prose. Nothing a judge writes is parsed, so nothing can be misread into a score.
import type { ModelRef, ScoreRequest, ScoreResult } from '../../domain/model.ts'
import { SCALE, type Verdict } from '../../domain/verdict.ts'
import { SCORE_PREFIX, writeJudgeChat } from '../templates/judge-chat.ts'
import { rubricOf, RUBRIC_NAMES, type Rubric } from '../templates/rubrics.ts'
import type { RubricSettings } from './rubric.ts'

/** The five ways an answer can go on after its prefix. */
export const SCORE_CONTINUATIONS: readonly string[] = SCALE.map((score) => ` ${score}`)

/** The rubric of a judge step's settings. */
export const rubricOfSettings = ({ rubric, own }: Pick<RubricSettings, 'rubric' | 'own'>): Rubric => {
  const name = RUBRIC_NAMES.find((known) => known === rubric)
  return rubricOf(name ?? 'own', own)
}

export interface JudgedText {
  readonly prompt: string
  readonly completion: string
}

/** What the judge is asked about one completion. `id` comes back with the result; `contextLength` is the judge's, in tokens. */
export function askVerdict(
  id: string,
  { prompt, completion }: JudgedText,
  rubric: Rubric,
  contextLength?: number,
): ScoreRequest {
  return {
    id,
    asked: writeJudgeChat(rubric, prompt, completion, contextLength),
    answerPrefix: SCORE_PREFIX,
    continuations: SCORE_CONTINUATIONS,
  }
}

/**
 * The verdict in a result: the expected score under the five probabilities (softmax of their logs), and `mass`, their sum before
 * that. Unreadable, with the reason, when a number is missing or not finite, or when `mass` is below `minMass`: a judge that
 * does not think of a score at all has not scored.
 */
export function readVerdict(
  result: Pick<ScoreResult, 'logProbs'>,
  { rubric, judge, minMass }: { rubric: string; judge: ModelRef; minMass: number },
): Verdict {
  const { logProbs } = result
  const unreadable = (reason: string, probability?: number): Verdict => ({
    kind: 'unreadable',
    rubric,
    judge,
    reason,
    ...(probability === undefined ? {} : { mass: probability }),
  })
  if (logProbs.length !== SCALE.length)
    return unreadable(`the judge gave ${logProbs.length} of ${SCALE.length} probabilities`)
  const most = Math.max(...logProbs)
  // −∞ for some scores is a probability of 0; for all of them, NaN or +∞, nothing was said.
  if (!Number.isFinite(most) || logProbs.some((logProb) => Number.isNaN(logProb)))
    return unreadable('the judge’s probabilities are not numbers')
  const weights = logProbs.map((logProb) => Math.exp(logProb - most))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const mass = Math.min(1, Math.exp(most) * total) // rounding can lift it a hair above 1
  if (!(mass >= minMass))
    return unreadable(
      `the five scores together had less probability than ${minMass}: the judge was not answering with a score`,
      mass,
    )
  const distribution = weights.map((weight) => weight / total)
  const score = distribution.reduce((sum, probability, i) => sum + probability * (SCALE[i] as number), 0)
  return { kind: 'score', rubric, judge, score, distribution, mass }
}
