import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { writeBytes } from '../../../../src/engine/tokenizers/bpe/byte-alphabet.ts'
import { readPreTokenizer } from '../../../../src/engine/tokenizers/splitting/pre-tokenizer-steps.ts'
import {
  namePreTokenizer,
  PRE_TOKENIZERS,
} from '../../../../src/engine/tokenizers/splitting/pre-tokenizers.ts'
import { BEHAVIOURS, compilePattern, makeSplit } from '../../../../src/engine/tokenizers/splitting/splits.ts'
import { crc32 } from '../../crc32.ts'

const { strings, sums } = JSON.parse(
  readFileSync(new URL('../../../oracles/cuts.json', import.meta.url), 'utf8'),
) as { strings: readonly string[]; sums: Readonly<Record<string, string>> }

const splitterOf = (pre_tokenizer: unknown): ((text: string) => string[]) => {
  const steps = readPreTokenizer(pre_tokenizer)
  return (text) => steps.reduce((pieces, step) => step(pieces, { first: true, continues: false }), [text])
}

describe('PRE_TOKENIZERS', () => {
  // Both sides use our expressions: this compares their execution in JavaScript and in the Rust library.
  test.each(Object.keys(sums))('splits random strings of all scripts like the Rust library: %s', (name) => {
    const splits = (PRE_TOKENIZERS.get(name)?.expressions ?? []).map((Regex) =>
      makeSplit(compilePattern({ Regex }), 'Isolated'),
    )
    const lines = strings.map((text) =>
      splits
        .reduce((pieces, split) => pieces.flatMap(split), [text])
        .map(writeBytes)
        .join(' '),
    )
    const ours = Array.from({ length: Math.ceil(lines.length / 20) }, (_, i) =>
      crc32(lines.slice(20 * i, 20 * i + 20).join('\n')),
    )
    expect(ours).toEqual(sums[name]?.split(' '))
  })

  test('has no family that the oracle lacks', () => {
    const known = new Set(
      Object.keys(sums).map((name) => JSON.stringify(PRE_TOKENIZERS.get(name)?.expressions)),
    )
    expect(
      [...PRE_TOKENIZERS]
        .filter(([, { expressions }]) => !known.has(JSON.stringify(expressions)))
        .map(([name]) => name),
    ).toEqual([])
  })

  test.each(['kimi-k2', 'afmoe', 'chameleon'])('does not have %s', (name) => {
    expect(PRE_TOKENIZERS.has(name)).toBe(false)
  })
})

describe('readPreTokenizer', () => {
  test('splits at an expression with five behaviours', () => {
    const pieces = BEHAVIOURS.map((behaviour) =>
      makeSplit(compilePattern({ String: '-' }), behaviour)('the-final--countdown-'),
    )
    expect(pieces).toEqual([
      ['the', 'final', 'countdown'],
      ['the', '-', 'final', '-', '-', 'countdown', '-'],
      ['the-', 'final-', '-', 'countdown-'],
      ['the', '-final', '-', '-countdown', '-'],
      ['the', '-', 'final', '--', 'countdown', '-'],
    ])
    expect(makeSplit(compilePattern({ Regex: '\\w+' }), 'Removed', true)('a b-c')).toEqual(['a', 'b', 'c'])
  })

  test('splits a case-insensitive group of a Hugging Face file like that of a GGUF', () => {
    const theirs =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    const splitTheirs = splitterOf({
      type: 'Split',
      pattern: { Regex: theirs },
      behavior: 'Isolated',
      invert: false,
    })
    const [ours = ''] = PRE_TOKENIZERS.get('llama-bpe')?.expressions ?? []
    const splitOurs = makeSplit(compilePattern({ Regex: ours }), 'Isolated')
    for (const text of strings) expect(splitTheirs(text)).toEqual(splitOurs(text))
    expect(
      namePreTokenizer({
        pre_tokenizer: { pretokenizers: [{ type: 'Split', pattern: { Regex: theirs } }] },
        model: { ignore_merges: true },
      }),
    ).toBe('llama-bpe')
  })

  test('refuses an unsupported step by its name', () => {
    expect(() => readPreTokenizer({ type: 'BertPreTokenizer' })).toThrow('"BertPreTokenizer"')
    expect(() => readPreTokenizer({ type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' })).toThrow(
      /Invalid regular expression|expression/,
    )
    expect(() =>
      readPreTokenizer({ type: 'Split', pattern: { Regex: 'a'.repeat(30_000) }, behavior: 'Isolated' }),
    ).toThrow('longer than')
    expect(() => readPreTokenizer({ type: 'Split', pattern: { Regex: 'a' }, behavior: 'Sideways' })).toThrow(
      '"Sideways"',
    )
    expect(() =>
      readPreTokenizer({
        type: 'Sequence',
        pretokenizers: Array.from({ length: 1000 }, () => ({ type: 'Digits' })),
      }),
    ).toThrow('too many steps')
  })
})
