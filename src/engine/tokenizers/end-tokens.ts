// Knows: the names of tokens that end an answer, over all model families. Data and one rule.
// Source: llama.cpp, src/llama-vocab.cpp, which uses names too because files often declare only one of several
// end tokens.

/** End an answer in every vocabulary that has them, even if the file declares them as normal tokens. */
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

/** End an answer only if they are control tokens; in other vocabularies they are HTML or plain words. */
const CONTROL_ENDS: ReadonlySet<string> = new Set(['</s>', '<eos>'])

/** Models that call tools in separate turns end a turn with these; `<|end|>` ends only a part of it. */
const TURN_ENDS: readonly (readonly string[])[] = [
  ['<|return|>', '<|call|>'],
  ['<|flush|>', '<|calls|>'],
  ['<|flush|>', '<|call|>'],
]

/** Ids that end an answer by their name, in addition to those that a file declares. */
export function findNamedEnds(tokens: readonly string[], isControl: (id: number) => boolean): Set<number> {
  const ids = new Map<string, number>()
  for (const [id, token] of tokens.entries())
    if (ENDS.has(token) || (CONTROL_ENDS.has(token) && isControl(id))) ids.set(token, id)
  if (TURN_ENDS.some((turn) => turn.every((name) => ids.has(name)))) ids.delete('<|end|>')
  return new Set(ids.values())
}
