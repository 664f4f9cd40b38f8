// Knows: how what is asked becomes tokens: chats through the model's template, raw text as it stands, continuations cut where
// they begin to differ.
import type { Asked, CompletionRequest, ScoreRequest } from '../../src/domain/model.ts'
import type { GenerateRequest, Scorable } from '../../src/engine/generation/generator.ts'
import { sharedLength } from '../../src/engine/generation/prefixes.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

/** Text of what is asked, up to where the model's answer begins, and whether special tokens in it are meant. */
function renderAsked(asked: Asked, tokenizer: TextTokenizer): { text: string; special: boolean } {
  if (asked.kind === 'raw') return { text: asked.text, special: false }
  return { text: tokenizer.renderChat(asked.messages, { addGenerationPrompt: true }), special: true }
}

/** Tokens of what is asked, followed by the beginning of an answer. */
function encodeAsked(asked: Asked, answer: string, tokenizer: TextTokenizer): number[] {
  const { text, special } = renderAsked(asked, tokenizer)
  const tokens = tokenizer.encode(text + answer, { special })
  return asked.kind === 'raw' ? [...tokenizer.startIds, ...tokens] : tokens
}

export function toGenerateRequest(
  { id, asked, sampling, logProbs = 0 }: CompletionRequest,
  tokenizer: TextTokenizer,
): GenerateRequest {
  return { id, tokens: encodeAsked(asked, '', tokenizer), sampling, ...(logProbs > 0 ? { logProbs } : {}) }
}

/**
 * The continuations are tokenised with what stands before them, because a token may reach over the border (" 4" after
 * "Score:"); what all of them begin with belongs to the context.
 */
export function toScorable(
  { id, asked, answerPrefix = '', continuations }: ScoreRequest,
  tokenizer: TextTokenizer,
): Scorable {
  const whole = continuations.map((continuation) =>
    encodeAsked(asked, answerPrefix + continuation, tokenizer),
  )
  const shared = sharedLength(whole)
  return {
    id,
    tokens: whole[0]?.slice(0, shared) ?? [],
    continuations: whole.map((tokens) => tokens.slice(shared)),
  }
}
