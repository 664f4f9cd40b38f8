// Knows: how two texts are compared: in both orders, and verdicts that disagree are a tie.
// Source: MT-Bench (Zheng et al. 2023; FastChat llm_judge) for the orders and the tie; probabilities instead of written verdicts
// as in AlpacaEval 2 (Dubois et al. 2024).
import type { ModelRef, ScoreRequest, ScoreResult } from '../../domain/model.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { BETTER_PREFIX, writePairChat } from '../templates/judge-chat.ts'
import type { Rubric } from '../templates/rubrics.ts'

const CONTINUATIONS = [' A', ' B'] as const

export interface Pair {
  readonly prompt: string
  readonly first: string
  readonly second: string
}

type LogProbs = Pick<ScoreResult, 'logProbs'>

/** Both orders of one comparison, for a judge of so many tokens' context; the ids are `id/1` (first text shown first) and `id/2` (first text shown second). */
export function askPair(
  id: string,
  { prompt, first, second }: Pair,
  rubric: Rubric,
  contextLength?: number,
): readonly [ScoreRequest, ScoreRequest] {
  const ask = (name: string, a: string, b: string): ScoreRequest => ({
    id: name,
    asked: writePairChat(rubric, prompt, a, b, contextLength),
    answerPrefix: BETTER_PREFIX,
    continuations: CONTINUATIONS,
  })
  return [ask(`${id}/1`, first, second), ask(`${id}/2`, second, first)]
}

/**
 * The outcome of both orders. A text wins only when it is preferred in both; the same place preferred twice is a tie, and so is an
 * exact half. Equal texts always tie. What could not be read in either order is marked `unreadable` (its probability is told as 0.5).
 */
export function readPair(
  shownFirst: LogProbs,
  shownSecond: LogProbs,
  judge: ModelRef,
  texts?: Omit<Pair, 'prompt'>,
): PairVerdict {
  const one = readPreference(shownFirst.logProbs)
  const other = readPreference(shownSecond.logProbs.toReversed()) // there the first text is B
  if (one === undefined || other === undefined) {
    return {
      judge,
      shownFirst: one ?? 0.5,
      shownSecond: other ?? 0.5,
      outcome: 'tie',
      unreadable: 'the judge’s probabilities are not numbers',
    }
  }
  const same = texts !== undefined && texts.first.trim() === texts.second.trim()
  const outcome = same
    ? 'tie'
    : one > 0.5 && other > 0.5
      ? 'first'
      : one < 0.5 && other < 0.5
        ? 'second'
        : 'tie'
  return { judge, shownFirst: one, shownSecond: other, outcome }
}

/** Probability of the first of two continuations among the two; `undefined` where it cannot be told. */
function readPreference(logProbs: readonly number[]): number | undefined {
  const [a = Number.NaN, b = Number.NaN] = logProbs
  if (logProbs.length !== 2 || Number.isNaN(a) || Number.isNaN(b) || !Number.isFinite(Math.max(a, b)))
    return undefined
  return 1 / (1 + Math.exp(b - a))
}
