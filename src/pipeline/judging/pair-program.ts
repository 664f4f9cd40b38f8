// Knows: the comparison of two texts as a program: both orders, or none if a text is empty.
import type { PairVerdict } from '../../domain/verdict.ts'
import { all, type Program } from '../programs/program.ts'
import { outcomeOfEmpty } from './empty-text.ts'
import { scoreAfterReasoning, type Judging } from './judge-program.ts'
import { buildPairRequests, readPair, type Pair } from './pairwise.ts'
import { contextForJudge } from './reasoning.ts'

/** The outcome of both orders. A judge that refuses makes it unreadable, with the reason. */
export function* comparePair(
  id: string,
  pair: Pair,
  { rubric, judge, settings, contextLength, role = 'judge' }: Judging,
): Program<PairVerdict> {
  const decided = outcomeOfEmpty(pair, judge)
  if (decided !== undefined) return decided
  const requests = buildPairRequests(id, pair, rubric, contextForJudge(contextLength, settings))
  const [one, two] = yield* all(requests.map((request) => scoreAfterReasoning(role, request, settings)))
  const unreadable = one?.refusal ?? two?.refusal
  if (one === undefined || two === undefined || unreadable !== undefined)
    return {
      judge,
      shownFirst: 0.5,
      shownSecond: 0.5,
      outcome: 'tie',
      unreadable: unreadable ?? 'the judge gave no response',
    }
  return readPair(one, two, judge, pair)
}
