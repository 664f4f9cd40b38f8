// Knows: the judging of one text as a program: one score request, or none for an empty text.
import type { ScoreRequest, ScoreResult } from '../../domain/completion-request.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { Role } from '../../domain/reply.ts'
import type { Verdict } from '../../domain/verdict.ts'
import { complete, score, type Program } from '../programs/program.ts'
import type { Rubric } from '../templates/rubrics.ts'
import { verdictOnEmpty } from './empty-text.ts'
import { buildVerdictRequest, readVerdict, type JudgedText } from './expected-score.ts'
import {
  buildReasoningRequest,
  contextForJudge,
  findNoReasoning,
  withReasoning,
  type ReasoningSettings,
} from './reasoning.ts'

/** What a verdict is made with. */
export interface Judging {
  readonly rubric: Rubric
  readonly judge: ModelRef
  readonly settings: ReasoningSettings & { readonly minMass: number }
  /** The judge's, in tokens. */
  readonly contextLength?: number
  /** The role that judges. Absent: `judge`. */
  readonly role?: Role
}

/** The verdict on one text. A judge that refuses makes it unreadable, with the reason. */
export function* judgeText(
  id: string,
  text: JudgedText,
  { rubric, judge, settings, contextLength, role = 'judge' }: Judging,
): Program<Verdict> {
  const facts = { rubric: rubric.name, judge, minMass: settings.minMass }
  const empty = verdictOnEmpty(text.completion, facts)
  if (empty !== undefined) return empty
  const request = buildVerdictRequest(id, text, rubric, contextForJudge(contextLength, settings))
  const result = yield* scoreAfterReasoning(role, request, settings)
  return result.refusal === undefined
    ? readVerdict(result, facts)
    : { kind: 'unreadable', rubric: rubric.name, judge, reason: result.refusal }
}

/**
 * Requests scores; a judge that may reason does so first, and its reasoning comes back with the result. A request whose reasoning does not
 * end is refused with that reason.
 */
export function* scoreAfterReasoning(
  role: Role,
  request: ScoreRequest,
  settings: ReasoningSettings,
): Program<Omit<ScoreResult, 'id'>> {
  if (!settings.thinking) return yield* score(role, request)
  const reasoned = yield* complete(role, buildReasoningRequest(request, settings))
  const refusal = findNoReasoning(reasoned, settings)
  if (refusal !== undefined) return { logProbs: [], refusal }
  const { reasoning } = reasoned
  const result = yield* score(role, withReasoning(request, reasoning, settings))
  return reasoning === undefined ? result : { ...result, reasoning }
}
