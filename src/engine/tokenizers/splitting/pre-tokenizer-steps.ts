// Knows: the pre-tokenizer steps of a tokenizer.json, which split a text into pieces that tokens do not cross.
// It parses data that crossed a boundary, and each step works as in the Rust library, with Unicode's white
// space and digits.
// Must not know: how pieces become tokens.
import { writeBytes } from '../bpe/byte-alphabet.ts'
import { MAX_STEPS, readPattern } from './normalisers.ts'
import { GPT2_EXPRESSION } from './pre-tokenizers.ts'
import { BEHAVIOURS, compilePattern, makeSplit, type Behaviour } from './splits.ts'
import { fieldOf, listOf, show, textOf } from '../files/unknown-json.ts'
import type { SegmentPosition } from '../files/vocabulary-tokenizer.ts'

export type PreTokenizerStep = (pieces: string[], position: SegmentPosition) => string[]

const each =
  (splitPiece: (piece: string) => string[]): PreTokenizerStep =>
  (pieces) =>
    pieces.flatMap(splitPiece)
const split = (Regex: string, behaviour: Behaviour, invert = false): PreTokenizerStep =>
  each(makeSplit(compilePattern({ Regex }), behaviour, invert))

/**
 * The steps in order; null has none. Throws an Error with the middle of a sentence if a step is not supported
 * exactly.
 */
export function readPreTokenizer(value: unknown, depth = 0): PreTokenizerStep[] {
  if (value === null || value === undefined) return []
  const type = textOf(value, 'type')
  switch (type) {
    case 'Sequence': {
      const steps = listOf(value, 'pretokenizers')
      if (steps.length > MAX_STEPS || depth > 4)
        throw new Error('the pre-tokenizer in tokenizer.json has too many steps')
      return steps.flatMap((step) => readPreTokenizer(step, depth + 1))
    }
    case 'Split':
      return [
        each(
          makeSplit(
            compilePattern(readPattern(value)),
            readBehaviour(value),
            fieldOf(value, 'invert') === true,
          ),
        ),
      ]
    case 'ByteLevel':
      return readByteLevel(value)
    case 'Metaspace':
      return [readMetaspace(value)]
    case 'Digits':
      return [split('\\p{N}', fieldOf(value, 'individual_digits') === true ? 'Isolated' : 'Contiguous')]
    case 'Punctuation':
      return [split('[!-/:-@\\[-`{-~\\p{P}]', readBehaviour(value))]
    case 'WhitespaceSplit':
      return [split('\\s', 'Removed')]
    case 'Whitespace':
      return [split('\\w+|[^\\w\\s]+', 'Removed', true)]
    default:
      throw new Error(`tokenizer.json uses a pre-tokenizer of type ${show(type)}, which is not supported`)
  }
}

function readBehaviour(value: unknown): Behaviour {
  const name = textOf(value, 'behavior') ?? 'Isolated'
  const behaviour = BEHAVIOURS.find((known) => known.toLowerCase() === name.toLowerCase())
  if (behaviour === undefined)
    throw new Error(`tokenizer.json uses the split behavior ${show(name)}, which is not supported`)
  return behaviour
}

function readByteLevel(value: unknown): PreTokenizerStep[] {
  const prefix: PreTokenizerStep = (pieces, { continues }) =>
    pieces.map((piece, i) => (piece.startsWith(' ') || (continues && i === 0) ? piece : ` ${piece}`))
  return [
    ...(fieldOf(value, 'add_prefix_space') === true ? [prefix] : []),
    ...(fieldOf(value, 'use_regex') === false ? [] : [split(GPT2_EXPRESSION, 'Isolated')]),
    (pieces) => pieces.map(writeBytes),
  ]
}

function readMetaspace(value: unknown): PreTokenizerStep {
  if ((textOf(value, 'replacement') ?? '▁') !== '▁')
    throw new Error('tokenizer.json replaces spaces by another character than "▁", which is not supported')
  const scheme = readPrependScheme(value)
  const splits = fieldOf(value, 'split') !== false
  return (pieces, { first, continues }) =>
    pieces.flatMap((piece, i) => {
      const replaced = piece.replaceAll(' ', '▁')
      const begins = i === 0 && first
      const prefixed =
        scheme === 'never' ||
        (continues && i === 0) ||
        (scheme === 'first' && !begins) ||
        replaced.startsWith('▁')
          ? replaced
          : `▁${replaced}`
      return splits ? (prefixed.match(/▁[^▁]*|[^▁]+/g) ?? []) : [prefixed]
    })
}

/** Where Metaspace adds a space: files from before 2023 have `add_prefix_space` instead. */
export function readPrependScheme(value: unknown): 'always' | 'first' | 'never' {
  const scheme = textOf(value, 'prepend_scheme')
  if (scheme === 'first' || scheme === 'never') return scheme
  return scheme === undefined && fieldOf(value, 'add_prefix_space') === false ? 'never' : 'always'
}
