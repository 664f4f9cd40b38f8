// Knows: how a text with half a surrogate pair is made well-formed, and how one that was cut inside a character ends.

/** With U+FFFD for each half of a surrogate pair. (`String.prototype.toWellFormed` is missing in older browsers.) */
export const toWellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')

/** Without the marks of a last character of which the max tokens cut off a part. Linear, whatever a server sends. */
export function dropCutCharacter(text: string): string {
  const whole = toWellFormed(text)
  let end = whole.length
  while (whole[end - 1] === '\uFFFD') end -= 1
  return whole.slice(0, end)
}
