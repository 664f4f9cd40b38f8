// Knows: the normaliser steps of a tokenizer.json, which change a text before it is split. It parses data that
// crossed a boundary.
// Must not know: how texts are split.
import { fieldOf, listOf, show, textOf } from '../files/unknown-json.ts'
import { compilePattern, type Pattern } from './splits.ts'
import type { SegmentPosition } from '../files/vocabulary-tokenizer.ts'

export type Normaliser = (text: string, position: SegmentPosition) => string

/** Max steps of a sequence; files have a handful. */
export const MAX_STEPS = 64

const SPACE = /\p{White_Space}/u

/**
 * The steps in order; null has none. Throws an Error with the middle of a sentence if a step is not supported
 * exactly.
 */
export function readNormalisers(value: unknown, depth = 0): Normaliser[] {
  if (value === null || value === undefined) return []
  const type = textOf(value, 'type')
  switch (type) {
    case 'Sequence': {
      const steps = listOf(value, 'normalizers')
      if (steps.length > MAX_STEPS || depth > 4)
        throw new Error('the normalizer in tokenizer.json has too many steps')
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
      // Per character: JavaScript lower-cases Σ by its context.
      return [(text) => Array.from(text, (character) => character.toLowerCase()).join('')]
    case 'Strip':
      return [
        (text) => strip(text, fieldOf(value, 'strip_left') === true, fieldOf(value, 'strip_right') === true),
      ]
    default:
      throw new Error(`tokenizer.json uses a normalizer of type ${show(type)}, which is not supported`)
  }
}

export function readPattern(value: unknown): Pattern {
  const pattern = fieldOf(value, 'pattern')
  const [expression, literal] = [textOf(pattern, 'Regex'), textOf(pattern, 'String')]
  if (expression !== undefined) return { Regex: expression }
  if (literal !== undefined) return { String: literal }
  throw new Error('tokenizer.json has a step without a pattern')
}

function strip(text: string, left: boolean, right: boolean): string {
  let [from, to] = [0, text.length]
  if (left) while (from < to && SPACE.test(text[from] as string)) from++
  if (right) while (to > from && SPACE.test(text[to - 1] as string)) to--
  return text.slice(from, to)
}
