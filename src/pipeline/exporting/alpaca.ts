// Knows: Alpaca's format: {instruction, input, output}. The whole prompt is in `instruction`: if a prompt has an input, it is part of
// its text. Earlier turns are in `history`, as LLaMA-Factory reads them.
import type { ChatMessage } from '../../domain/completion-request.ts'
import { splitPrompt, writeLines, type Exporter } from './exporter.ts'

export const alpaca: Exporter = {
  format: 'alpaca',
  ending: '.jsonl',
  mime: 'application/jsonl',
  write: (rows, facts) =>
    writeLines(rows, facts, (row) => {
      const { system, earlier } = splitPrompt(row)
      return {
        instruction: row.prompt,
        input: '',
        output: row.completion,
        system,
        history: pairUp(earlier),
      }
    }),
}

/** [question, answer] of each turn; messages of one side in a row are joined by a blank line, a system message counts as the user's. */
function pairUp(messages: readonly ChatMessage[]): [question: string, answer: string][] {
  const pairs: [string, string][] = []
  for (const { role, content } of messages) {
    const last = pairs.at(-1)
    const side = role === 'assistant' ? 1 : 0
    // A question after an answer begins a turn.
    if (last === undefined || (side === 0 && last[1] !== ''))
      pairs.push(side === 0 ? [content, ''] : ['', content])
    else last[side] = last[side] === '' ? content : `${last[side]}\n\n${content}`
  }
  return pairs
}
