// Knows: how one written value becomes a number: decimals, groups, fractions, mixed numbers, powers, roots, percent, simple LaTeX.
// Must not know: where in a text the value is.

/** An exact fraction with a denominator above 0. */
export interface Exact {
  readonly kind: 'exact'
  readonly numerator: bigint
  readonly denominator: bigint
}
/** Exact, or a float if a root is in it. */
export type ParsedNumber = Exact | { readonly kind: 'float'; readonly value: number }

export interface ParsedValue {
  /** Without the percent sign: 50 for "50 %". */
  readonly number: ParsedNumber
  readonly percent: boolean
}

/** Values are untrusted text: longer ones, longer numbers and deeper brackets are no value. */
const MAX_LENGTH = 400
const MAX_DIGITS = 30
const MAX_POWER = 30
const MAX_DEPTH = 20

type Token =
  | { readonly kind: 'number'; readonly text: string; readonly number: Exact }
  | { readonly kind: 'sign' | 'word'; readonly text: string }

/** Words that make a number something other than the value: an alternative, a bound, a denial, a multiple. */
const CHANGES =
  /^(?:or|nor|not|no|never|than|least|most|between|to|versus|vs|times|half|third|quarter|hundred|thousand|million|billion|dozen|isn't|aren't)$/i

/**
 * The value that a line states, if one number is the whole of it apart from words, a currency, a unit and the end of the sentence; undefined
 * if the line states none, several, or a number that is part of something else. `bare`: no words before the number. Never throws.
 */
export function parseValue(line: string, bare = false): ParsedValue | undefined {
  if (line.length > MAX_LENGTH || /\d!/.test(line)) return undefined // 3! is 6
  const plain = stripMarkup(line)
  const sides = bare ? [plain] : plain.split(/=|≈|\b(?:is|are|it's|equals)\b/iu)
  const stated = sides.findLast((side) => /\d/.test(side))
  return stated === undefined ? undefined : parseSide(cutSentence(stated), bare)
}

/** The sentence with the value, without its full stop and what follows, unless more numbers follow. */
function cutSentence(text: string): string {
  const sentences = text.split(/[.!?;](?=\s|$)/u)
  const at = sentences.findIndex((sentence) => /\d/.test(sentence))
  const rest = sentences.slice(at + 1)
  return rest.some((sentence) => /\d/.test(sentence)) ? text : (sentences[at] ?? '')
}

/** Replaces LaTeX's \frac: NFKC has removed this character from the text before. */
const FRACTION = '⅟'
const CURRENCY = /^[$€£¥₹]$/u
const HARMLESS = /^[$€£¥₹%°,.:!?'"’“”|#&()]$/u

function parseSide(side: string, bare: boolean): ParsedValue | undefined {
  const tokens = tokenize(side)
  if (tokens === undefined) return undefined
  const isMath = ({ kind, text }: Token): boolean =>
    kind === 'number' || (kind === 'sign' && /^[-+*/^()√⅟$€£¥₹]$/u.test(text))
  const first = tokens.findIndex(({ kind }) => kind === 'number')
  if (first === -1) return undefined
  let from = first
  let to = first + 1
  while (from > 0 && isMath(tokens[from - 1])) from--
  while (to < tokens.length && isMath(tokens[to])) to++
  while (tokens[from]?.text === ')') from++
  while (to > from && tokens[to - 1]?.text === '(') to--
  const [before, value, after] = [tokens.slice(0, from), tokens.slice(from, to), tokens.slice(to)]
  if (bare && before.some(({ kind }) => kind === 'word')) return undefined
  for (const [index, token] of [...before, ...after].entries()) {
    const isVariable = index >= before.length && /^(?:[xyznkie]|\p{Script=Greek})$/iu.test(token.text)
    const isPer = token.text === '/' && index > before.length // km/h
    if (token.kind === 'number') return undefined
    if (token.kind === 'sign' ? !isPer && !HARMLESS.test(token.text) : isVariable || CHANGES.test(token.text))
      return undefined
  }
  const numbers = value.filter(({ kind }) => kind === 'number')
  if (numbers.length > 1 && numbers.some(({ text }) => /^0\d/.test(text))) return undefined // a date or a time
  const number = calculate(value.filter(({ kind, text }) => !(kind === 'sign' && CURRENCY.test(text))))
  if (number === undefined) return undefined
  const negated = /^(?:minus|negative)$/i.test(before.at(-1)?.text ?? '')
  const percent = /^(?:%|percent)$/i.test(after[0]?.text ?? '')
  return { number: negated ? negate(number) : number, percent }
}

/** Removes LaTeX and Markdown around a value; fractions, roots and products become plain signs. */
function stripMarkup(line: string): string {
  return line
    .replaceAll('²', '^2')
    .replaceAll('³', '^3')
    .normalize('NFKC')
    .replaceAll(/[−–—‒]/g, '-')
    .replaceAll(/[⁄∕÷]/g, '/')
    .replaceAll(/[×·⋅]|\\times\b|\\cdot\b/g, '*')
    .replaceAll('\\!', '')
    .replaceAll(/\\approx\b/g, '≈')
    .replaceAll(/<<[^<>]*>>/g, ' ')
    .replaceAll(/\^ ?\{? ?\\circ ?\}?|\\degree\b/g, '°')
    .replaceAll(/\\(?:text|mathrm|mathbf|textbf|mathbb|mbox|fbox|operatorname) ?\{|\\boxed ?\{/g, '{')
    .replaceAll(/\\[dtc]?frac/g, FRACTION)
    .replaceAll(/⅟ ?(\d) ?(\d)/g, '⅟($1)($2)')
    .replaceAll(/⅟ ?(\d)/g, '⅟($1)')
    .replaceAll(/\\sqrt ?(\d)/g, '√($1)')
    .replaceAll(/\\sqrt(?![a-z])/g, '√')
    .replaceAll(/\{,\}/g, ',')
    .replaceAll(/\\([%$#&])/g, '$1')
    .replaceAll(/\\(?:left|right|displaystyle|quad|qquad)\b|\\[,;:! ()[\]]|~/g, ' ')
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replaceAll(/[*_]{2,}|`/g, ' ')
    .replaceAll(/(?<=^|\s)[*_](?=\S)|(?<=\S)[*_](?=\s|$)/g, ' ')
}

/** Tokens of a side; undefined if a letter directly precedes a number, or a number is too long. */
function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = []
  const pattern =
    /(?<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d{1,3}(?: \d{3})+(?![\d ]*\d)|\d+,(?:\d{1,2}|\d{4,})(?![\d,.])|0,\d+(?![\d,.])|\d+(?:\.\d+)?|\.\d+)(?:[eE](?<exponent>[-+]?\d{1,3})(?!\w))?|(?<word>\\?[\p{L}\p{M}]+(?:['’-]\p{L}+)*(?:\^\(?[23]\)?)?)|(?<space>\s+)|(?<sign>.)/gsuy
  let glued = false
  for (const { groups = {}, 0: whole } of text.matchAll(pattern)) {
    const { number, exponent, word, space, sign } = groups
    if (number !== undefined) {
      if (glued) return undefined
      const parsed = parseDecimal(number, exponent)
      if (parsed === undefined) return undefined
      tokens.push({ kind: 'number', text: whole, number: parsed })
    } else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
    glued = space === undefined && word !== undefined && !word.startsWith('\\')
  }
  return tokens
}

function parseDecimal(text: string, exponent = '0'): Exact | undefined {
  const isDecimalComma = /^(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+)$/.test(text)
  const [whole = '', part = ''] = (
    isDecimalComma ? text.replace(',', '.') : text.replaceAll(/[ ,]/g, '')
  ).split('.')
  const power = Number(exponent) - part.length
  if (whole.length + part.length > MAX_DIGITS || Math.abs(power) > MAX_DIGITS) return undefined
  const digits = BigInt(whole + part)
  return power >= 0 ? exact(digits * 10n ** BigInt(power), 1n) : exact(digits, 10n ** BigInt(-power))
}

/** The value of an expression of numbers, signs, brackets, roots and fractions; undefined if it is not one. */
function calculate(tokens: readonly Token[]): ParsedNumber | undefined {
  let at = 0
  const isSign = (text: string): boolean => tokens[at]?.kind === 'sign' && tokens[at]?.text === text
  const take = (text: string): boolean => isSign(text) && ++at > 0

  const sum = (depth: number): ParsedNumber | undefined => {
    let left = product(depth)
    while (left !== undefined && (isSign('+') || isSign('-'))) {
      const isMinus = tokens[at++]?.text === '-'
      const right = product(depth)
      left = right && add(left, isMinus ? negate(right) : right)
    }
    return left
  }
  const product = (depth: number): ParsedNumber | undefined => {
    let left = signed(depth)
    while (left !== undefined && (isSign('*') || isSign('/'))) {
      const isDivision = tokens[at++]?.text === '/'
      const right = signed(depth)
      left = right && (isDivision ? divide(left, right) : multiply(left, right))
    }
    return left
  }
  const signed = (depth: number): ParsedNumber | undefined => {
    if (take('+')) return signed(depth)
    if (take('-')) return negateIf(signed(depth))
    const base = factor(depth)
    if (base === undefined || !take('^')) return base
    const isMinus = take('-')
    const power = factor(depth)
    if (power?.kind !== 'exact' || power.denominator !== 1n || power.numerator > BigInt(MAX_POWER))
      return undefined
    return raise(base, Number(power.numerator) * (isMinus ? -1 : 1))
  }
  const factor = (depth: number): ParsedNumber | undefined => {
    if (depth > MAX_DEPTH) return undefined
    const token = tokens[at]
    if (token?.kind === 'number') {
      at++
      return mixed(token.number, depth)
    }
    if (take('(')) {
      const inside = sum(depth + 1)
      return take(')') ? inside : undefined
    }
    if (take('√')) return root(factor(depth + 1))
    if (take(FRACTION)) {
      const [above, below] = [factor(depth + 1), factor(depth + 1)]
      return above && below && divide(above, below)
    }
    return undefined
  }
  /** A whole number directly followed by a fraction (3 1/2) or a root (4√2). */
  const mixed = (whole: Exact, depth: number): ParsedNumber | undefined => {
    if (isSign('√')) {
      const behind = factor(depth + 1)
      return behind && multiply(whole, behind)
    }
    const isFraction =
      tokens[at]?.kind === 'number' && tokens[at + 1]?.text === '/' && tokens[at + 2]?.kind === 'number'
    if (whole.denominator !== 1n || !(isFraction || isSign(FRACTION))) return whole
    if (isSign(FRACTION)) {
      const part = factor(depth + 1)
      return part && add(whole, part)
    }
    const [above, below] = [tokens[at], tokens[at + 2]]
    at += 3
    if (above?.kind !== 'number' || below?.kind !== 'number') return undefined
    const part = divide(above.number, below.number)
    return part && add(whole, part)
  }
  const value = sum(0)
  return at === tokens.length ? value : undefined
}

const exact = (numerator: bigint, denominator: bigint): Exact | undefined => {
  if (denominator === 0n) return undefined
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator]
  while (b !== 0n) [a, b] = [b, a % b]
  const divisor = (a === 0n ? 1n : a) * (denominator < 0n ? -1n : 1n)
  return { kind: 'exact', numerator: numerator / divisor, denominator: denominator / divisor }
}
const float = (value: number): ParsedNumber | undefined =>
  Number.isFinite(value) ? { kind: 'float', value } : undefined
/** Rounded to a double. */
export const toFloat = (number: ParsedNumber): number =>
  number.kind === 'float' ? number.value : Number(number.numerator) / Number(number.denominator)

const negate = (number: ParsedNumber): ParsedNumber =>
  number.kind === 'float' ? { ...number, value: -number.value } : { ...number, numerator: -number.numerator }
const negateIf = (number: ParsedNumber | undefined): ParsedNumber | undefined => number && negate(number)
const add = (a: ParsedNumber, b: ParsedNumber): ParsedNumber | undefined =>
  a.kind === 'exact' && b.kind === 'exact'
    ? exact(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
    : float(toFloat(a) + toFloat(b))
const multiply = (a: ParsedNumber, b: ParsedNumber): ParsedNumber | undefined =>
  a.kind === 'exact' && b.kind === 'exact'
    ? exact(a.numerator * b.numerator, a.denominator * b.denominator)
    : float(toFloat(a) * toFloat(b))
const divide = (a: ParsedNumber, b: ParsedNumber): ParsedNumber | undefined =>
  a.kind === 'exact' && b.kind === 'exact'
    ? exact(a.numerator * b.denominator, a.denominator * b.numerator)
    : float(toFloat(a) / toFloat(b))
function raise(base: ParsedNumber, power: number): ParsedNumber | undefined {
  if (base.kind === 'float') return float(base.value ** power)
  const [above, below] = power < 0 ? [base.denominator, base.numerator] : [base.numerator, base.denominator]
  const exponent = BigInt(Math.abs(power))
  return exact(above ** exponent, below ** exponent)
}
function root(number: ParsedNumber | undefined): ParsedNumber | undefined {
  return number && float(Math.sqrt(toFloat(number)))
}
