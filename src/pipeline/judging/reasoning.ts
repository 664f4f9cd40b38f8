// Knows: how a judge that may reason does so before it scores: it generates its reasoning first, which is then part of the request whose
// probabilities are read. So no score is ever read inside reasoning, and none from a text that the judge wrote.
// Must not know: workers; how reasoning is separated from a response (pipeline/reasoning).
import type { CompletionRequest, CompletionResult, ScoreRequest } from '../../domain/completion-request.ts'
import { GREEDY } from '../../domain/sampling.ts'
import { CHARACTERS_PER_TOKEN, shorten } from '../templates/judge-chat.ts'

export interface ReasoningSettings {
  readonly thinking: boolean
  /** Max tokens of the reasoning. */
  readonly maxTokens: number
}

/** Tokens of a judge's context of `contextLength` that its chat may take: the rest is for its reasoning, if it may reason. */
export function contextForJudge(
  contextLength: number | undefined,
  { thinking, maxTokens }: ReasoningSettings,
): number | undefined {
  return contextLength === undefined || !thinking ? contextLength : Math.max(1, contextLength - maxTokens)
}

/** The request for the judge's reasoning about what a score request shows. */
export const buildReasoningRequest = (
  { id, input }: ScoreRequest,
  { maxTokens }: Pick<ReasoningSettings, 'maxTokens'>,
): CompletionRequest => ({
  id,
  input,
  sampling: { ...GREEDY, maxTokens, rngSeed: 'judge' },
  thinking: true,
})

/** Why there is no verdict after this result: a sentence. Undefined if the score can be requested. */
export const findNoReasoning = (
  { refusal, unfinishedReasoning }: Pick<CompletionResult, 'refusal' | 'unfinishedReasoning'>,
  { maxTokens }: Pick<ReasoningSettings, 'maxTokens'>,
): string | undefined =>
  refusal ??
  (unfinishedReasoning
    ? `the judge’s reasoning did not end within ${maxTokens} tokens: raise max tokens of reasoning, or switch its reasoning off`
    : undefined)

/** The score request with the judge's reasoning behind the texts, as plain text. Unchanged without reasoning. */
export function withReasoning(
  request: ScoreRequest,
  reasoning: string | undefined,
  { maxTokens }: Pick<ReasoningSettings, 'maxTokens'>,
): ScoreRequest {
  const { input } = request
  const text = reasoning?.trim() ?? ''
  if (text === '' || input.kind !== 'chat') return request
  const notes = `\n\nYour notes on this, written before:\n${shorten(text, CHARACTERS_PER_TOKEN * maxTokens)}`
  const last = input.messages.length - 1
  return {
    ...request,
    input: {
      kind: 'chat',
      messages: input.messages.map((message, i) =>
        i === last ? { ...message, content: message.content + notes } : message,
      ),
    },
  }
}
