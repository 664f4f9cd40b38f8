// Knows: how a text with half a surrogate pair is made well-formed, and how one that was cut inside a character ends.

/** With U+FFFD for each half of a surrogate pair. (`String.prototype.toWellFormed` is missing in older browsers.) */
export const toWellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')

/** Without the marks of a last character of which the max tokens cut off a part. */
export const dropCutCharacter = (text: string): string => toWellFormed(text).replace(/\uFFFD+$/u, '')
