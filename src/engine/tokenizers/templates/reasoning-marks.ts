// Knows: the marks with which chat templates open a model's reasoning, and how an open block is closed.
// Must not know: how reasoning is separated from a response (pipeline/reasoning).

/** Sources: the chat templates of the families that `src/pipeline/reasoning/split-reasoning.ts` names. */
const MARKS: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reason>', '</reason>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<|START_THINKING|>', '<|END_THINKING|>'],
  ['<|channel>thought', '<channel|>'],
]

function findOpen(prompt: string): { readonly close: string; readonly after: string } | undefined {
  const end = prompt.trimEnd()
  const marks = MARKS.find(([open]) => end.endsWith(open))
  return marks === undefined ? undefined : { close: marks[1], after: prompt.slice(end.length) }
}

/** Whether a prompt ends inside reasoning: an opening mark is the last that it has. */
export const endsInReasoning = (prompt: string): boolean => findOpen(prompt) !== undefined

/** What closes the reasoning in which a prompt ends, as a block without contents; '' if it does not end in one. */
export function closeReasoning(prompt: string): string {
  const open = findOpen(prompt)
  if (open === undefined) return ''
  return `${open.after.includes('\n') ? '\n' : '\n\n'}${open.close}\n\n`
}
