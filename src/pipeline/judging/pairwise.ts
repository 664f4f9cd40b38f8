// Knows: how two texts are compared: in both orders, and verdicts that disagree are a tie.
// Source: MT-Bench (Zheng et al. 2023; FastChat llm_judge) for the orders and the tie; probabilities instead of written verdicts
// as in AlpacaEval 2 (Dubois et al. 2024).
import type { ModelRef, ScoreRequest, ScoreResult } from '../../domain/model.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { BETTER_PREFIX, writePairChat } from '../templates/judge-chat.ts'
import type { Rubric } from '../templates/rubrics.ts'

const CONTINUATIONS = [' A', ' B'] as const

/** Both orders of one comparison; the ids are `id/1` (first text shown first) and `id/2` (first text shown second). */
export function askPair(id: string, { prompt, first, second }: { readonly prompt: string; readonly first: string; readonly second: string }, rubric: Rubric): readonly [ScoreRequest, ScoreRequest] {
  const ask = (name: string, a: string, b: string): ScoreRequest => ({
    id: name, asked: writePairChat(rubric, prompt, a, b), answerPrefix: BETTER_PREFIX, continuations: CONTINUATIONS,
  })
  return [ask(`${id}/1`, first, second), ask(`${id}/2`, second, first)]
}

/**
 * The outcome of both orders. A text wins only when it is preferred in both; the same place preferred twice is a tie, and so are
 * an exact half and a comparison that could not be read (its probability is told as 0.5). Equal texts always tie.
 */
export function readPair(shownFirst: Pick<ScoreResult, 'logProbs'>, shownSecond: Pick<ScoreResult, 'logProbs'>, judge: ModelRef, texts?: { readonly first: string; readonly second: string }): PairVerdict {
  const one = readPreference(shownFirst.logProbs)
  const other = readPreference([...shownSecond.logProbs].reverse()) // there the first text is B
  const same = texts !== undefined && texts.first.trim() === texts.second.trim()
  const outcome = same ? 'tie' : one > 0.5 && other > 0.5 ? 'first' : one < 0.5 && other < 0.5 ? 'second' : 'tie'
  return { judge, shownFirst: one, shownSecond: other, outcome }
}

/** Probability of the first of two continuations among the two; 0.5 where it cannot be told. */
function readPreference(logProbs: readonly number[]): number {
  const [a = Number.NaN, b = Number.NaN] = logProbs
  if (logProbs.length !== 2 || Number.isNaN(a) || Number.isNaN(b) || a === b) return 0.5
  if (Math.max(a, b) === Infinity) return 0.5
  return 1 / (1 + Math.exp(b - a))
}
