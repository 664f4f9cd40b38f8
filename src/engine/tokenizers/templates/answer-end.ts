// Knows: the token with which a model's chat template ends an answer.
import type { TextTokenizer } from '../text-tokenizer.ts'

/**
 * The end token that the model's chat template writes after an answer; if it writes none, the first end token.
 * Throws if the model has no template.
 */
export function findAnswerEnd(tokenizer: TextTokenizer): number | undefined {
  const chat = tokenizer.renderChat(
    [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ],
    { addGenerationPrompt: false },
  )
  return tokenizer.encode(chat).findLast((id) => tokenizer.endIds.has(id)) ?? [...tokenizer.endIds][0]
}
