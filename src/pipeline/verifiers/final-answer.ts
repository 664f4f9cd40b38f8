// Knows: the final answer of a worked solution: where it is, its normal form, when two are equal.
// Must not know: who wrote it, what follows from it.
import { ANSWER_MARK } from '../templates/solve.ts'

/** Texts are untrusted: a number with more digits is ignored. */
const MAX_DIGITS = 30

/**
 * The number after the last `Answer:` of a text, normalised ("$1,204.50" → "1204.5", "-3.0" → "-3", "+7 apples" → "7"); undefined
 * without a mark or a number after it. A text without a mark that is a single number is its own answer.
 * Source: the comparison of GSM8K's answers (Cobbe et al. 2021: the last marked number, commas removed), exact as decimals.
 */
export function readFinalAnswer(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARK)
  if (at === -1) return /^\s*[-+]?[$€£]?\s?[\d.,]+\s?%?\s*$/.test(text) ? readNumber(text) : undefined
  return readNumber(text.slice(at + ANSWER_MARK.length).split('\n', 1)[0] ?? '')
}

/** The first number of a line, as a decimal without redundant signs and zeros. */
function readNumber(line: string): string | undefined {
  const found = /([-+−]?)\s?[$€£]?\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?/.exec(line.slice(0, 200))
  if (!found) return undefined
  const whole = (found[2] ?? '').replaceAll(',', '').replace(/^0+(?=\d)/, '')
  const part = (found[3] ?? '').replace(/0+$/, '')
  if (whole.length + part.length > MAX_DIGITS) return undefined
  const value = part === '' ? whole : `${whole}.${part}`
  return (found[1] === '-' || found[1] === '−') && value !== '0' ? `-${value}` : value
}

/** Whether a text's final answer equals the reference answer. Undefined if the reference is not a number: it cannot be verified. */
export function verifyFinalAnswer(text: string, reference: string): boolean | undefined {
  const expected = readFinalAnswer(reference)
  return expected === undefined ? undefined : readFinalAnswer(text) === expected
}
