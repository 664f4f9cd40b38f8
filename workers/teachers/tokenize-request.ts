// Knows: how a request becomes tokens: chats through the model's template, raw text unchanged, continuations split at the end
// of their shared prefix.
import type { PromptInput, CompletionRequest, ScoreRequest } from '../../src/domain/completion-request.ts'
import type { GenerateRequest, ScoreInput } from '../../src/engine/generation/generator.ts'
import { sharedPrefixLength } from '../../src/engine/generation/prefix-cache.ts'
import type { EncodeChatOptions, TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

/** Tokens of the input, followed by the start of an answer. Nothing in a message, a raw text or the answer becomes a control token. */
function encodeInput(
  input: PromptInput,
  tokenizer: TextTokenizer,
  { answer = '', ...options }: Omit<EncodeChatOptions, 'addGenerationPrompt'>,
): number[] {
  return input.kind === 'raw'
    ? [...tokenizer.startIds, ...tokenizer.encode(input.text + answer, { special: 'never' })]
    : tokenizer.encodeChat(input.messages, { ...options, answer })
}

export function toGenerateRequest(
  { id, input, sampling, logProbs = 0, thinking = false }: CompletionRequest,
  tokenizer: TextTokenizer,
): GenerateRequest {
  return {
    id,
    tokens: encodeInput(input, tokenizer, { thinking }),
    sampling,
    ...(logProbs > 0 ? { logProbs } : {}),
  }
}

/**
 * An answer is scored, never a continuation of reasoning: a block in which the prompt ends is closed. Each continuation is tokenized together with the text before it, because a token may span the boundary (" 4" after
 * "Score:"); the prefix that all of them share belongs to the context.
 */
export function toScoreInput(
  { id, input, answerPrefix = '', continuations }: ScoreRequest,
  tokenizer: TextTokenizer,
): ScoreInput {
  const whole = continuations.map((continuation) =>
    encodeInput(input, tokenizer, { answer: answerPrefix + continuation, closeReasoning: true }),
  )
  const shared = sharedPrefixLength(whole)
  return {
    id,
    tokens: whole[0]?.slice(0, shared) ?? [],
    continuations: whole.map((tokens) => tokens.slice(shared)),
  }
}
