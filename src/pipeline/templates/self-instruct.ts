// Knows: the text that a teacher continues with more prompts, versioned. A published version never changes: raise the number.
// Source: encode_prompt in self_instruct/bootstrap_instructions.py.

export const SELF_INSTRUCT_TEMPLATE = 'self-instruct@1'

/** One line, white space collapsed, a final colon removed: as the reference formats an example. */
export const flattenShot = (text: string): string =>
  text.replaceAll(/\s+/gu, ' ').trim().replace(/:+$/, '').trimEnd()

/** A numbered list that ends at the number of the next prompt. */
export function writeGrowthText(shots: readonly string[]): string {
  const lines = shots.map((shot, i) => `${i + 1}. ${flattenShot(shot)}\n`)
  return `Come up with a series of tasks:\n${lines.join('')}${shots.length + 1}.`
}

/** Stop sequences: a blank line, or the list's last number. */
export const growthStops = (lastItem: number): string[] => ['\n\n', `\n${lastItem}.`, `\n${lastItem} .`]
