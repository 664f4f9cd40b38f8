// Knows: with which token a model's chat template ends an answer.
import type { TextTokenizer } from './text-tokenizer.ts'

/** The token with which the model's template ends an answer; of several that could, the one that it writes. Throws where it has no template. */
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
