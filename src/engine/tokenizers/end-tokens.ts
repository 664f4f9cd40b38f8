// Knows: by which of its names a token is known to end an answer, in one model family or another. Data and one rule.
// Source: llama.cpp, src/llama-vocab.cpp, which goes by names too because files often name one end of several.

/** End an answer wherever a vocabulary has them, even where the file calls them ordinary tokens. */
const ENDS: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<turn|>',
  '<|tool_response>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<|return|>',
  '<|call|>',
  '<|calls|>',
  '<|flush|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<｜end▁of▁sentence｜>',
  '[e~[',
  '<|fim_pad|>',
  '<|fim_repo|>',
  '<|repo_name|>',
  '<|file_sep|>',
])

/** End an answer where they are control tokens; in other vocabularies they are HTML or plain words. */
const CONTROL_ENDS: ReadonlySet<string> = new Set(['</s>', '<eos>'])

/** Models that call tools by turns of their own end a turn with these; `<|end|>` only ends a part of it. */
const TURNS: readonly (readonly string[])[] = [
  ['<|return|>', '<|call|>'],
  ['<|flush|>', '<|calls|>'],
  ['<|flush|>', '<|call|>'],
]

/** Ids that end an answer by their names, besides those that a file declares. */
export function findNamedEnds(tokens: readonly string[], isControl: (id: number) => boolean): Set<number> {
  const ids = new Map<string, number>()
  for (const [id, token] of tokens.entries())
    if (ENDS.has(token) || (CONTROL_ENDS.has(token) && isControl(id))) ids.set(token, id)
  if (TURNS.some((turn) => turn.every((name) => ids.has(name)))) ids.delete('<|end|>')
  return new Set(ids.values())
}
