// Knows: how two texts are compared: in both orders; verdicts that disagree are a tie.
// Source: MT-Bench (Zheng et al. 2023; FastChat llm_judge) for the orders and the tie; probabilities instead of written verdicts
// as in AlpacaEval 2 (Dubois et al. 2024).
import type { ChatMessage, ScoreRequest, ScoreResult } from '../../domain/completion-request.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { BETTER_PREFIX, writePairChat } from '../templates/judge-chat.ts'
import type { Rubric } from '../templates/rubrics.ts'

const CONTINUATIONS = [' A', ' B'] as const

export interface Pair {
  readonly prompt: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[] | undefined
  readonly first: string
  readonly second: string
}

type LogProbs = Pick<ScoreResult, 'logProbs'>

/** Requests for both orders of one comparison, for a judge with `contextLength` tokens; the ids are `id/1` (first text shown first) and `id/2` (first text shown second). */
export function buildPairRequests(
  id: string,
  { prompt, earlier, first, second }: Pair,
  rubric: Rubric,
  contextLength?: number,
): readonly [ScoreRequest, ScoreRequest] {
  const build = (requestId: string, a: string, b: string): ScoreRequest => ({
    id: requestId,
    input: writePairChat(rubric, prompt, a, b, contextLength, earlier),
    answerPrefix: BETTER_PREFIX,
    continuations: CONTINUATIONS,
  })
  return [build(`${id}/1`, first, second), build(`${id}/2`, second, first)]
}

/**
 * The outcome of both orders. A text wins only if it is preferred in both; a preference for the same position is a tie, and so is
 * exactly 0.5. Equal texts always tie. If either order is unreadable, the verdict is marked `unreadable` (with probability 0.5).
 */
export function readPair(
  shownFirst: LogProbs,
  shownSecond: LogProbs,
  judge: ModelRef,
  texts?: Pick<Pair, 'first' | 'second'>,
): PairVerdict {
  const one = readPreference(shownFirst.logProbs)
  const other = readPreference(shownSecond.logProbs.toReversed()) // here the first text is B
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

/** Probability of the first of two continuations among the two; `undefined` if unreadable. */
function readPreference(logProbs: readonly number[]): number | undefined {
  const [a = Number.NaN, b = Number.NaN] = logProbs
  if (logProbs.length !== 2 || Number.isNaN(a) || Number.isNaN(b) || !Number.isFinite(Math.max(a, b)))
    return undefined
  return 1 / (1 + Math.exp(b - a))
}
