// Knows: the steps by which a tokenizer.json cuts a text into pieces that no token reaches over. It parses data that crossed a
// boundary, and each step is the Rust library's, whose white space and digits are Unicode's.
// Must not know: how pieces become tokens.
import { writeBytes } from './byte-alphabet.ts'
import { MAX_STEPS, readPattern } from './normalisers.ts'
import { GPT2_EXPRESSION } from './pre-tokenizers.ts'
import { BEHAVIOURS, compilePattern, makeSplit, type Behaviour } from './splits.ts'
import { fieldOf, listOf, show, textOf } from './unknown-json.ts'
import type { StretchPlace } from './vocabulary-tokenizer.ts'

export type Cutter = (pieces: string[], place: StretchPlace) => string[]

const each =
  (cut: (piece: string) => string[]): Cutter =>
  (pieces) =>
    pieces.flatMap(cut)
const split = (Regex: string, behaviour: Behaviour, invert = false): Cutter =>
  each(makeSplit(compilePattern({ Regex }), behaviour, invert))

/** The steps in their order; null is none. Throws an Error with a sentence's middle on a step that cannot be done exactly here. */
export function readCutters(value: unknown, depth = 0): Cutter[] {
  if (value === null || value === undefined) return []
  const type = textOf(value, 'type')
  switch (type) {
    case 'Sequence': {
      const steps = listOf(value, 'pretokenizers')
      if (steps.length > MAX_STEPS || depth > 4)
        throw new Error('tokenizer.json cuts texts in too many steps')
      return steps.flatMap((step) => readCutters(step, depth + 1))
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
      throw new Error(
        `tokenizer.json cuts texts by a step of the kind ${show(type)}, which is not done exactly here`,
      )
  }
}

function readBehaviour(value: unknown): Behaviour {
  const asked = textOf(value, 'behavior') ?? 'Isolated'
  const behaviour = BEHAVIOURS.find((known) => known.toLowerCase() === asked.toLowerCase())
  if (behaviour === undefined)
    throw new Error(`tokenizer.json cuts texts in a way called ${show(asked)}, which is not known here`)
  return behaviour
}

function readByteLevel(value: unknown): Cutter[] {
  const prefix: Cutter = (pieces, { continues }) =>
    pieces.map((piece, i) => (piece.startsWith(' ') || (continues && i === 0) ? piece : ` ${piece}`))
  return [
    ...(fieldOf(value, 'add_prefix_space') === true ? [prefix] : []),
    ...(fieldOf(value, 'use_regex') === false ? [] : [split(GPT2_EXPRESSION, 'Isolated')]),
    (pieces) => pieces.map(writeBytes),
  ]
}

function readMetaspace(value: unknown): Cutter {
  if ((textOf(value, 'replacement') ?? '▁') !== '▁')
    throw new Error('tokenizer.json writes spaces in a way that is not known here')
  const scheme = readPrependScheme(value)
  const cuts = fieldOf(value, 'split') !== false
  return (pieces, { first, continues }) =>
    pieces.flatMap((piece, i) => {
      const written = piece.replaceAll(' ', '▁')
      const begins = i === 0 && first
      const prefixed =
        scheme === 'never' ||
        (continues && i === 0) ||
        (scheme === 'first' && !begins) ||
        written.startsWith('▁')
          ? written
          : `▁${written}`
      return cuts ? (prefixed.match(/▁[^▁]*|[^▁]+/g) ?? []) : [prefixed]
    })
}

/** Where Metaspace puts a space: files from before 2023 say it as `add_prefix_space`. */
export function readPrependScheme(value: unknown): 'always' | 'first' | 'never' {
  const scheme = textOf(value, 'prepend_scheme')
  if (scheme === 'first' || scheme === 'never') return scheme
  return scheme === undefined && fieldOf(value, 'add_prefix_space') === false ? 'never' : 'always'
}
