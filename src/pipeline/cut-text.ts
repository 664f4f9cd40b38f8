// Knows: how a text is cut without splitting what a reader sees as one character.

/** Longest character, in code units, that a cut looks for; a longer chain of joined characters is cut between code points. */
const LONGEST_CHARACTER = 64

/** Start of the character that contains the code unit at `at`: `at` itself if a character starts there. */
function startOfCharacter(text: string, at: number): number {
  const from = Math.max(0, at - LONGEST_CHARACTER)
  // The window must not begin inside a surrogate pair, which the segmenter would report as a character of its own.
  const begin = from > 0 && isLowSurrogate(text, from) ? from - 1 : from
  const window = text.slice(begin, at + LONGEST_CHARACTER)
  const start = new Intl.Segmenter('und', { granularity: 'grapheme' })
    .segment(window)
    .containing(at - begin)?.index
  if (start !== undefined && (start > 0 || begin === 0)) return begin + start
  return isLowSurrogate(text, at) ? at - 1 : at
}

const isLowSurrogate = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff && at > 0
}

/** The first characters of a text, up to `limit` code units. */
export const firstOf = (text: string, limit: number): string =>
  text.length <= limit ? text : text.slice(0, limit <= 0 ? 0 : startOfCharacter(text, Math.floor(limit)))

/** The last characters of a text, up to `limit` code units. */
export function lastOf(text: string, limit: number): string {
  if (text.length <= limit) return text
  if (limit <= 0) return ''
  const at = text.length - Math.floor(limit)
  const start = startOfCharacter(text, at)
  if (start === at) return text.slice(at)
  // The character before would be split: leave it out.
  const character = new Intl.Segmenter('und', { granularity: 'grapheme' })
    .segment(text.slice(start, start + 2 * LONGEST_CHARACTER))
    .containing(0)?.segment
  return text.slice(Math.max(at, start + (character?.length ?? 1)))
}
