// Knows: what counts as a word, in scripts with and without spaces.

/** Scripts written without spaces between words: there one character counts as one word. */
const SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((name) => `\\p{Script=${name}}`)
  .join('')
const UNSPACED = new RegExp(`[${SCRIPTS}]`, 'u')
const UNSPACED_ALL = new RegExp(`[${SCRIPTS}]`, 'gu')
/** A character of such a script with its marks, or a run of anything else. */
const PARTS = new RegExp(`[${SCRIPTS}]\\p{M}*|[^${SCRIPTS}]+`, 'gu')

/** Words of a text: runs without white space (as Python's `split`), and each character of a script that has no spaces. */
export function countWords(text: string): number {
  let words = 0
  for (const run of text.split(/\s+/u)) {
    if (run === '') continue
    const characters = UNSPACED.test(run) ? (run.match(UNSPACED_ALL)?.length ?? 0) : 0
    if (characters === 0) words += 1
    else words += characters + (/[\p{L}\p{N}]/u.test(run.replaceAll(UNSPACED_ALL, '')) ? 1 : 0)
  }
  return words
}

/**
 * Tokens that texts are compared by. For ASCII text these are the tokens of the reference ROUGE (lower case, runs of a-z and 0-9,
 * no stemming); beyond ASCII, where the reference discards the letters, runs of letters and digits, and single
 * characters of scripts without spaces. Texts are compared in Unicode's form NFC. A text without letters and digits, such as “🙂🙂”
 * or “?!”, has its other characters as tokens, so that it equals itself.
 */
export function tokensOf(text: string): string[] {
  const out: string[] = []
  // Marks belong to the letters before them (Hindi, decomposed accents).
  const whole = text.normalize('NFC').toLowerCase()
  for (const [run] of whole.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    if (UNSPACED.test(run)) out.push(...(run.match(PARTS) ?? []))
    else out.push(run)
  }
  return out.length > 0 ? out : Array.from(whole.replaceAll(/\s+/gu, ''))
}
