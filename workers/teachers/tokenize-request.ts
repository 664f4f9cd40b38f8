// Knows: how a request becomes tokens: chats through the model's template, raw text unchanged, continuations split at the end
// of their shared prefix.
import type { PromptInput, CompletionRequest, ScoreRequest } from '../../src/domain/completion-request.ts'
import type { GenerateRequest, ScoreInput } from '../../src/engine/generation/generator.ts'
import { sharedPrefixLength } from '../../src/engine/generation/prefix-cache.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

/** The input's text up to where the model's answer begins, and whether special tokens in it are parsed. */
function renderInput(input: PromptInput, tokenizer: TextTokenizer): { text: string; special: boolean } {
  if (input.kind === 'raw') return { text: input.text, special: false }
  return { text: tokenizer.renderChat(input.messages, { addGenerationPrompt: true }), special: true }
}

/** Tokens of the input, followed by the start of an answer. */
function encodeInput(input: PromptInput, answer: string, tokenizer: TextTokenizer): number[] {
  const { text, special } = renderInput(input, tokenizer)
  const tokens = tokenizer.encode(text + answer, { special })
  return input.kind === 'raw' ? [...tokenizer.startIds, ...tokens] : tokens
}

export function toGenerateRequest(
  { id, input, sampling, logProbs = 0 }: CompletionRequest,
  tokenizer: TextTokenizer,
): GenerateRequest {
  return { id, tokens: encodeInput(input, '', tokenizer), sampling, ...(logProbs > 0 ? { logProbs } : {}) }
}

/**
 * Each continuation is tokenized together with the text before it, because a token may span the boundary (" 4" after
 * "Score:"); the prefix that all of them share belongs to the context.
 */
export function toScoreInput(
  { id, input, answerPrefix = '', continuations }: ScoreRequest,
  tokenizer: TextTokenizer,
): ScoreInput {
  const whole = continuations.map((continuation) =>
    encodeInput(input, answerPrefix + continuation, tokenizer),
  )
  const shared = sharedPrefixLength(whole)
  return {
    id,
    tokens: whole[0]?.slice(0, shared) ?? [],
    continuations: whole.map((tokens) => tokens.slice(shared)),
  }
}
