// Knows: the steps by which a tokenizer.json changes a text before it is cut. It parses data that crossed a boundary.
// Must not know: how texts are cut.
import { fieldOf, listOf, show, textOf } from './unknown-json.ts'
import { compilePattern, type Pattern } from './splits.ts'
import type { StretchPlace } from './vocabulary-tokenizer.ts'

export type Normaliser = (text: string, place: StretchPlace) => string

/** Steps and sequences within sequences that are followed; files have a handful. */
export const MAX_STEPS = 64

const SPACE = /\p{White_Space}/u

/** The steps in their order; null is none. Throws an Error with a sentence's middle on a step that cannot be done exactly here. */
export function readNormalisers(value: unknown, depth = 0): Normaliser[] {
  if (value === null || value === undefined) return []
  const type = textOf(value, 'type')
  switch (type) {
    case 'Sequence': {
      const steps = listOf(value, 'normalizers')
      if (steps.length > MAX_STEPS || depth > 4)
        throw new Error('tokenizer.json changes texts in too many steps')
      return steps.flatMap((step) => readNormalisers(step, depth + 1))
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return [(text) => text.normalize(type)]
    case 'Prepend': {
      const prefix = textOf(value, 'prepend') ?? ''
      return [(text, { continues }) => (continues || text === '' ? text : prefix + text)]
    }
    case 'Replace': {
      const pattern = readPattern(value)
      const content = textOf(value, 'content') ?? ''
      if ('String' in pattern)
        return pattern.String === '' ? [] : [(text) => text.replaceAll(pattern.String, () => content)]
      const expression = compilePattern(pattern)
      return [(text) => text.replaceAll(expression, () => content)]
    }
    case 'Lowercase':
      return [(text) => Array.from(text, (character) => character.toLowerCase()).join('')] // one by one: JavaScript looks at words for Σ
    case 'Strip':
      return [
        (text) => strip(text, fieldOf(value, 'strip_left') === true, fieldOf(value, 'strip_right') === true),
      ]
    default:
      throw new Error(
        `tokenizer.json changes texts by a step of the kind ${show(type)}, which is not done exactly here`,
      )
  }
}

export function readPattern(value: unknown): Pattern {
  const pattern = fieldOf(value, 'pattern')
  const [expression, literal] = [textOf(pattern, 'Regex'), textOf(pattern, 'String')]
  if (expression !== undefined) return { Regex: expression }
  if (literal !== undefined) return { String: literal }
  throw new Error('tokenizer.json has a step without an expression')
}

function strip(text: string, left: boolean, right: boolean): string {
  let [from, to] = [0, text.length]
  if (left) while (from < to && SPACE.test(text[from] as string)) from++
  if (right) while (to > from && SPACE.test(text[to - 1] as string)) to--
  return text.slice(from, to)
}
