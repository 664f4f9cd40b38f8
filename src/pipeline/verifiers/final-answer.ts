// Knows: the final answer of a worked solution: where it stands, how it is written, when two are the same.
// Must not know: who wrote it, what follows from it.
import { ANSWER_MARK } from '../templates/solve.ts'

/** Texts are untrusted: a number of more digits is none. */
const MOST_DIGITS = 30

/**
 * The number behind the last `Answer:` of a text, in one form ("$1,204.50" → "1204.5", "-3.0" → "-3", "+7 apples" → "7");
 * undefined where there is no mark or no number behind it. A text without a mark that is one number and nothing else is its own answer.
 * Source: the comparison of GSM8K's answers (Cobbe et al. 2021: the last marked number, its commas taken out), exact as decimals.
 */
export function readFinalAnswer(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARK)
  if (at === -1) return /^\s*[-+]?[$€£]?\s?[\d.,]+\s?%?\s*$/.test(text) ? readNumber(text) : undefined
  return readNumber(text.slice(at + ANSWER_MARK.length).split('\n', 1)[0] ?? '')
}

/** The first number of a line, as a decimal without needless signs and zeros. */
function readNumber(line: string): string | undefined {
  const found = /([-+−]?)\s?[$€£]?\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?/.exec(line.slice(0, 200))
  if (!found) return undefined
  const whole = (found[2] ?? '').replaceAll(',', '').replace(/^0+(?=\d)/, '')
  const part = (found[3] ?? '').replace(/0+$/, '')
  if (whole.length + part.length > MOST_DIGITS) return undefined
  const value = part === '' ? whole : `${whole}.${part}`
  return (found[1] === '-' || found[1] === '−') && value !== '0' ? `-${value}` : value
}

/** Whether a text ends at the known answer. Undefined where the known answer is no number: nothing can be verified then. */
export function verifyFinalAnswer(text: string, known: string): boolean | undefined {
  const wanted = readFinalAnswer(known)
  return wanted === undefined ? undefined : readFinalAnswer(text) === wanted
}
