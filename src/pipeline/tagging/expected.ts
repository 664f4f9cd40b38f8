// Knows: what a tag step expects of a response, as a person writes it down, and how a response is read against that: a value outside of it is
// unreadable.
// Must not know: models, steps.
import { FIELD_LIMIT, FIELD_NAME_LIMIT, type Fields } from '../../domain/fields.ts'
import type { Evidence } from '../../domain/filter-decision.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { firstOf } from '../cut-text.ts'

/** What a value must be. Numbers are from `from` to `to`, both included. */
export type ExpectedValue =
  | { readonly kind: 'text' | 'boolean' }
  | { readonly kind: 'number'; readonly isWhole: boolean; readonly from: number; readonly to: number }
  | { readonly kind: 'one of'; readonly values: readonly string[] }

/** A key of a JSON object. */
export interface ExpectedKey {
  readonly name: string
  readonly isOptional: boolean
  readonly value: ExpectedValue
}

/** What a response is read as: the values to add, or why there is none. */
export type Read =
  | { readonly fields: Fields; readonly evidence?: Evidence }
  | { readonly unreadable: string; readonly evidence?: Evidence }

/** Max keys of an object. */
const MAX_KEYS = 20

/** The different values of a list, separated by commas or line breaks. */
export const listChoices = (choices: string): string[] => [
  ...new Set(
    choices
      .split(/[,\n]/)
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  ),
]

const NUMBER = /^(number|whole)(?:\s+(?:from\s+)?(-?\d+(?:\.\d+)?)\s*(?:to|–|\.\.)\s*(-?\d+(?:\.\d+)?))?$/

/** What is written as `text`, `true or false`, `number`, `whole 1 to 5`, or as a list of values; or the problem with it: “…”. */
export function parseValue(written: string): Checked<ExpectedValue> {
  const text = written.trim()
  if (text === 'text') return accept({ kind: 'text' })
  if (text === 'true or false') return accept({ kind: 'boolean' })
  const [matched, kind, from, to] = NUMBER.exec(text) ?? []
  if (matched !== undefined) {
    const range = { from: Number(from ?? -Infinity), to: Number(to ?? Infinity) }
    if (range.from > range.to) return refuse({ sentence: `“${matched}” ends below its beginning` })
    return accept({ kind: 'number', isWhole: kind === 'whole', ...range })
  }
  const values = listChoices(text)
  return values.length < 2
    ? refuse({
        sentence: `“${firstOf(text, 60)}” is no kind of value. Write text, number, whole 1 to 5, true or false, or a list of values separated by commas`,
      })
    : accept({ kind: 'one of', values })
}

/** The expected number of a step that reads one; empty: any. */
export const parseNumber = (written: string): Checked<ExpectedValue> => {
  const text = written.trim()
  const parsed = parseValue(/^(?:number|whole)\b/.test(text) ? text : `number ${text}`)
  return parsed.ok && parsed.value.kind !== 'number'
    ? refuse({ sentence: `“${firstOf(text, 60)}” is no range. Write 1 to 5, or whole 1 to 5` })
    : parsed
}

/** The expected keys, one a line: `difficulty: whole 1 to 5`, `note?: text` for one that may be absent. */
export function parseKeys(written: string): Checked<readonly ExpectedKey[]> {
  const keys: ExpectedKey[] = []
  for (const line of written.split('\n').map((one) => one.trim())) {
    if (line === '') continue
    const at = line.indexOf(':')
    const isOptional = line.slice(0, at).trimEnd().endsWith('?')
    const name = line
      .slice(0, at)
      .trim()
      .replace(/\s*\?$/, '')
    if (at < 0 || name === '')
      return refuse({ sentence: `“${firstOf(line, 60)}” has no key. Write one a line, such as topic: text` })
    if (name.length > FIELD_NAME_LIMIT)
      return refuse({ sentence: `“${firstOf(name, 40)}…” has more than ${FIELD_NAME_LIMIT} characters` })
    if (keys.some((key) => key.name === name)) return refuse({ sentence: `“${name}” is there twice` })
    const value = parseValue(line.slice(at + 1))
    if (!value.ok) return value
    keys.push({ name, isOptional, value: value.value })
  }
  if (keys.length === 0) return refuse({ sentence: 'there is no key. Write one a line, such as topic: text' })
  return keys.length > MAX_KEYS ? refuse({ sentence: `there are more than ${MAX_KEYS} keys` }) : accept(keys)
}

/** Without case, white space, and the marks that models put around a word. */
const normalise = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replaceAll(/^["'“”‘’`*_(\s]+|["'“”‘’`*_).!;:\s]+$/gu, '')

/** The listed value that a text is; undefined: none. */
export const findListed = (values: readonly string[], text: string): string | undefined =>
  values.find((value) => normalise(value) === normalise(text))

/** Why a number is not the expected one; undefined: it is. */
export function findWrongNumber(number: number, expected: ExpectedValue): string | undefined {
  if (expected.kind !== 'number') return undefined
  if (expected.isWhole && !Number.isInteger(number)) return 'is not whole'
  return number < expected.from || number > expected.to
    ? `is not from ${expected.from} to ${expected.to}`
    : undefined
}

/** The first number of a text: “about 1,250.5 words” is 1250.5. A hyphen after a letter or digit is no minus sign. */
export function readNumber(response: string): number | undefined {
  const found = /(?:(?<![\p{L}\d])[-−])?\d+(?:,\d{3}(?!\d))*(?:\.\d+)?/u.exec(response)?.[0]
  if (found === undefined) return undefined
  const value = Number(found.replaceAll(',', '').replace('−', '-'))
  return Number.isFinite(value) ? value : undefined
}

/** The values of a response's JSON object: the first one in it, whatever is written around it. */
export function readKeys(response: string, keys: readonly ExpectedKey[]): Read {
  const found = findObject(response)
  const evidence = { response: firstOf(response, 200) }
  if (found === undefined) return { unreadable: 'the response has no JSON object', evidence }
  const fields: Record<string, string | number> = {}
  for (const { name, isOptional, value } of keys) {
    const given = found.get(name)
    if (given === undefined || given === null) {
      if (isOptional) continue
      return { unreadable: `the JSON has no “${name}”`, evidence }
    }
    const read = readJson(given, value)
    if (typeof read === 'object') return { unreadable: `“${name}” ${read.wrong}`, evidence }
    fields[name] = read
  }
  const others = [...found.keys()].filter((name) => !keys.some((key) => key.name === name))
  return {
    fields,
    evidence: {
      ...evidence,
      ...(others.length === 0 ? {} : { 'keys not expected': firstOf(others.join(', '), 200) }),
    },
  }
}

/** A value of JSON as a field's, or what is wrong with it. */
function readJson(given: unknown, expected: ExpectedValue): string | number | { readonly wrong: string } {
  switch (expected.kind) {
    case 'text':
      return typeof given === 'string' && given.trim() !== ''
        ? firstOf(given.trim(), FIELD_LIMIT)
        : { wrong: 'is no text' }
    case 'boolean': {
      const written = typeof given === 'string' ? normalise(given) : given
      return written === true || written === 'true'
        ? 'true'
        : written === false || written === 'false'
          ? 'false'
          : { wrong: 'is neither true nor false' }
    }
    case 'number': {
      const number =
        typeof given === 'string' && /^\s*[-+]?\d+(?:\.\d+)?\s*$/.test(given) ? Number(given) : given
      if (typeof number !== 'number' || !Number.isFinite(number)) return { wrong: 'is no number' }
      const wrong = findWrongNumber(number, expected)
      return wrong === undefined ? number : { wrong }
    }
    case 'one of': {
      const listed =
        typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean'
          ? findListed(expected.values, String(given))
          : undefined
      return listed ?? { wrong: 'is none of the expected values' }
    }
    default:
      return expected satisfies never
  }
}

/** Max places at which an object may begin: each is read to its end. */
const MAX_STARTS = 50

/** The first JSON object of a text, as a map. */
function findObject(text: string): ReadonlyMap<string, unknown> | undefined {
  let from = text.indexOf('{')
  for (let start = 0; from >= 0 && start < MAX_STARTS; start++) {
    const end = findEnd(text, from)
    try {
      const value: unknown = end === undefined ? undefined : JSON.parse(text.slice(from, end))
      if (typeof value === 'object' && value !== null) return new Map(Object.entries(value))
    } catch {
      // a brace of the prose around it
    }
    from = text.indexOf('{', from + 1)
  }
  return undefined
}

/** The index after the brace that closes the one at `from`, not counting those inside strings. */
function findEnd(text: string, from: number): number | undefined {
  let depth = 0
  let isText = false
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (isText) {
      if (char === '\\') at += 1
      else if (char === '"') isText = false
    } else if (char === '"') isText = true
    else if (char === '{') depth += 1
    else if (char === '}' && --depth === 0) return at + 1
  }
  return undefined
}
