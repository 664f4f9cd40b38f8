// Knows: the final answer of a worked solution: where it is, how it is written, and when two are equal.
// Must not know: how a number is written (parse-value.ts), who wrote it, what follows from it.
import { splitReasoning } from '../reasoning/split-reasoning.ts'
import { parseValue, toFloat, type ParsedNumber, type ParsedValue } from './parse-value.ts'

/** Texts are untrusted: this many characters of a value, and of a line after a mark, are read. */
const MAX_VALUE = 400
const MAX_LINE = 20_000
/** Relative tolerance of a comparison with a root in it. */
const ROUNDING = 1e-12

/**
 * The final answer of a text in one form ("$1,204.50" → "1204.5", "-3.0" → "-3", "\frac{1}{2}" → "0.5", "1/3" → "1/3"); undefined if
 * there is no mark, or if what follows it is not one number with nothing but a unit, currency or words around it. The last mark counts:
 * `Answer:` (any case, bold, full-width colon, value on the next line), "the final answer is", `#### ` of GSM8K, `\boxed{}`. A text
 * without a mark that is one number and its unit is its own answer. Reasoning that never ended contains no answer.
 * Source: GSM8K's comparison of answers (Cobbe et al. 2021), exact as rational numbers.
 */
export function readFinalAnswer(text: string): string | undefined {
  const value = readValue(text)
  return value === undefined ? undefined : formatNumber(value.number)
}

/** Whether a text ends at the known answer. Undefined if the known answer is not a number: nothing can be verified then. Never throws; linear in the length of both texts. */
export function verifyFinalAnswer(text: string, known: string): boolean | undefined {
  const reference = readValue(known)
  if (reference === undefined) return undefined
  const found = readValue(text)
  if (found === undefined) return false
  if (isSame(found.number, reference.number)) return true // 50 % and 50 too: the sign is a unit
  const percent = found.percent ? found : reference
  const plain = found.percent ? reference : found
  return percent.percent !== plain.percent && isSame(asShare(percent.number), plain.number)
}

const asShare = (number: ParsedNumber): ParsedNumber =>
  number.kind === 'float'
    ? { ...number, value: number.value / 100 }
    : { ...number, denominator: number.denominator * 100n }

const isSame = (a: ParsedNumber, b: ParsedNumber): boolean =>
  a.kind === 'exact' && b.kind === 'exact'
    ? a.numerator * b.denominator === b.numerator * a.denominator
    : Math.abs(toFloat(a) - toFloat(b)) <= ROUNDING * Math.abs(toFloat(b))

/** Linear: no two neighbouring parts can match the same text. */
const MARK = /#### ?|\\boxed ?\{|\\fbox ?\{|\banswer\b[*_ ]{0,4}(?:is\b|are\b|[:：=])[ :：*_]{0,4}/giu

function readValue(text: string): ParsedValue | undefined {
  const visible = withoutReasoning(text)
  if (visible === undefined) return undefined
  let last: RegExpExecArray | undefined
  for (const match of visible.matchAll(MARK)) last = match
  if (last === undefined) return visible.length > MAX_VALUE ? undefined : parseValue(visible, true)
  const input = last.input
  if (last[0].endsWith('{')) {
    const inside = readBraces(input, last.index + last[0].length)
    return inside === undefined ? undefined : parseValue(inside)
  }
  const isSentence = /(?:is|are)[^a-z]*$/i.test(last[0])
  return parseValue(readLine(input, last.index + last[0].length, isSentence))
}

/** What comes after reasoning, also after reasoning in the middle of a text; undefined if reasoning never ended. */
function withoutReasoning(whole: string): string | undefined {
  const { text, unfinished } = splitReasoning(whole)
  if (unfinished) return undefined
  const end = text.lastIndexOf('</think>')
  const visible = end === -1 ? text : text.slice(end + '</think>'.length)
  return visible.includes('<think>') ? undefined : visible
}

/**
 * The line at `from` or, if it has only emphasis or an opened display formula, the next one with more. If the line holds a whole solution:
 * its last sentence with a digit, or its first after "the answer is".
 */
function readLine(text: string, from: number, isSentence: boolean): string {
  const lines = text.slice(from, from + MAX_LINE).split('\n')
  const at = lines.findIndex((line) =>
    /[^\s*_`$\\[\]()]/.test(line.replace(/^[^\d\n]{0,40}(?:\\\[|\$\$) *$/, '')),
  )
  const line = lines[at] ?? ''
  if (line.length <= MAX_VALUE) return line
  const stated = line.split(/(?<=[.!?]) /).filter((sentence) => /\d/.test(sentence))
  return stated.at(isSentence ? 0 : -1) ?? ''
}

/** The text up to the brace that closes one opened before `from`; undefined if it is too long or never closed. */
function readBraces(text: string, from: number): string | undefined {
  let depth = 1
  for (let at = from; at < text.length && at < from + MAX_VALUE; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return text.slice(from, at)
  }
  return undefined
}

/** A decimal if it is finite, otherwise a fraction; floats as JavaScript writes them. */
function formatNumber(number: ParsedNumber): string {
  if (number.kind === 'float') return String(number.value)
  const { numerator, denominator } = number
  let [places, scale] = [0, 1n]
  while (places < 60 && scale % denominator !== 0n) [places, scale] = [places + 1, scale * 10n]
  if (scale % denominator !== 0n) return `${numerator}/${denominator}`
  const digits = String((numerator < 0n ? -numerator : numerator) * (scale / denominator)).padStart(
    places + 1,
    '0',
  )
  const sign = numerator < 0n ? '-' : ''
  return places === 0 ? sign + digits : `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`
}
