// Knows: how scores are requested from a judge: at once, or after its reasoning where the recipe lets it reason.
import type { CompletionResult, ScoreRequest } from '../domain/completion-request.ts'
import {
  buildReasoningRequest,
  findNoReasoning,
  withReasoning,
  type ReasoningSettings,
} from '../pipeline/judging/reasoning.ts'
import type { GenerationEvent, GenerationSummary } from '../protocol/teacher.ts'
import type { Machines } from './machines.ts'

/** Requests whose reasoning is generated before their scores are read: few, so that verdicts arrive and are stored soon. */
const REASONING_AT_ONCE = 16

const NOTHING: GenerationSummary = { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }
const add = (a: GenerationSummary, b: GenerationSummary): GenerationSummary => ({
  promptTokens: a.promptTokens + b.promptTokens,
  sharedTokens: a.sharedTokens + b.sharedTokens,
  newTokens: a.newTokens + b.newTokens,
  ms: a.ms + b.ms,
})

/**
 * Like `score` of the teacher, whose events it emits; a judge that may reason does so first, and its reasoning comes back with each result.
 * A request whose reasoning does not end is refused with that reason. After an abort, requests without a result are left out.
 */
export async function requestScores(
  { teacher }: Pick<Machines, 'teacher'>,
  {
    requests,
    settings,
  }: { readonly requests: readonly ScoreRequest[]; readonly settings: ReasoningSettings },
  { signal, onEvent }: { readonly signal: AbortSignal; readonly onEvent: (event: GenerationEvent) => void },
): Promise<GenerationSummary> {
  if (!settings.thinking) return teacher.score({ requests }, { signal, onEvent })
  let total = NOTHING
  /** Token counts add up over the calls, as in one call. */
  const emit = (event: GenerationEvent): void =>
    onEvent(
      event.kind === 'progress'
        ? {
            ...event,
            promptTokens: event.promptTokens + total.promptTokens,
            newTokens: event.newTokens + total.newTokens,
            ms: event.ms + total.ms,
          }
        : event,
    )
  for (let from = 0; from < requests.length && !signal.aborted; from += REASONING_AT_ONCE) {
    const chunk = requests.slice(from, from + REASONING_AT_ONCE)
    const reasoned = new Map<string, CompletionResult>()
    const completed = await teacher.complete(
      { requests: chunk.map((request) => buildReasoningRequest(request, settings)), partials: false },
      {
        signal,
        onEvent: (event) => {
          if (event.kind === 'progress') emit(event)
          else if (event.kind === 'completion' && event.result.finishReason !== 'aborted')
            reasoned.set(event.result.id, event.result)
        },
      },
    )
    total = add(total, completed)
    if (signal.aborted) break
    const scored: ScoreRequest[] = []
    for (const request of chunk) {
      const result = reasoned.get(request.id)
      if (result === undefined) continue // requested again by the caller, as any request without a result
      const refusal = findNoReasoning(result, settings)
      if (refusal === undefined) scored.push(withReasoning(request, result.reasoning, settings))
      else emit({ kind: 'score', result: { id: request.id, logProbs: [], refusal } })
    }
    if (scored.length === 0) continue
    const summary = await teacher.score(
      { requests: scored },
      {
        signal,
        onEvent: (event) => {
          const reasoning = event.kind === 'score' ? reasoned.get(event.result.id)?.reasoning : undefined
          emit(
            event.kind === 'score' && reasoning !== undefined
              ? { kind: 'score', result: { ...event.result, reasoning } }
              : event,
          )
        },
      },
    )
    total = add(total, summary)
  }
  return total
}
