import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { writeBytes } from '../../../src/engine/tokenizers/byte-alphabet.ts'
import { readCutters } from '../../../src/engine/tokenizers/cutters.ts'
import { namePreTokenizer, PRE_TOKENIZERS } from '../../../src/engine/tokenizers/pre-tokenizers.ts'
import { BEHAVIOURS, compilePattern, makeSplit } from '../../../src/engine/tokenizers/splits.ts'
import { crc32 } from '../crc32.ts'

const { strings, sums } = JSON.parse(
  readFileSync(new URL('../../oracles/cuts.json', import.meta.url), 'utf8'),
) as { strings: readonly string[]; sums: Readonly<Record<string, string>> }

const cutterOf = (pre_tokenizer: unknown): ((text: string) => string[]) => {
  const steps = readCutters(pre_tokenizer)
  return (text) => steps.reduce((pieces, step) => step(pieces, { first: true, continues: false }), [text])
}

describe('pre-tokenizers of GGUF files', () => {
  // The expressions are ours on both sides: this compares their carrying out in JavaScript and in the Rust library.
  test.each(Object.keys(sums))(
    '"%s" cuts random strings of all scripts where the Rust library cuts them',
    (name) => {
      const splits = (PRE_TOKENIZERS.get(name)?.expressions ?? []).map((Regex) =>
        makeSplit(compilePattern({ Regex }), 'Isolated'),
      )
      const lines = strings.map((text) =>
        splits
          .reduce((pieces, cut) => pieces.flatMap(cut), [text])
          .map(writeBytes)
          .join(' '),
      )
      const ours = Array.from({ length: Math.ceil(lines.length / 20) }, (_, i) =>
        crc32(lines.slice(20 * i, 20 * i + 20).join('\n')),
      )
      expect(ours).toEqual(sums[name]?.split(' '))
    },
  )

  test('the families that the oracle knows are all that there are', () => {
    const known = new Set(
      Object.keys(sums).map((name) => JSON.stringify(PRE_TOKENIZERS.get(name)?.expressions)),
    )
    expect(
      [...PRE_TOKENIZERS]
        .filter(([, { expressions }]) => !known.has(JSON.stringify(expressions)))
        .map(([name]) => name),
    ).toEqual([])
  })

  test.each(['kimi-k2', 'afmoe', 'chameleon'])('"%s" is not one of them', (name) => {
    expect(PRE_TOKENIZERS.has(name)).toBe(false)
  })
})

describe('the steps by which a tokenizer.json cuts', () => {
  test('an expression cuts in five ways', () => {
    const cut = BEHAVIOURS.map((behaviour) =>
      makeSplit(compilePattern({ String: '-' }), behaviour)('the-final--countdown-'),
    )
    expect(cut).toEqual([
      ['the', 'final', 'countdown'],
      ['the', '-', 'final', '-', '-', 'countdown', '-'],
      ['the-', 'final-', '-', 'countdown-'],
      ['the', '-final', '-', '-countdown', '-'],
      ['the', '-', 'final', '--', 'countdown', '-'],
    ])
    expect(makeSplit(compilePattern({ Regex: '\\w+' }), 'Removed', true)('a b-c')).toEqual(['a', 'b', 'c'])
  })

  test('a case-blind group of a Hugging Face file cuts as the same one of a GGUF does', () => {
    const theirs =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    const cut = cutterOf({ type: 'Split', pattern: { Regex: theirs }, behavior: 'Isolated', invert: false })
    const [ours = ''] = PRE_TOKENIZERS.get('llama-bpe')?.expressions ?? []
    const split = makeSplit(compilePattern({ Regex: ours }), 'Isolated')
    for (const text of strings) expect(cut(text)).toEqual(split(text))
    expect(
      namePreTokenizer({
        pre_tokenizer: { pretokenizers: [{ type: 'Split', pattern: { Regex: theirs } }] },
        model: { ignore_merges: true },
      }),
    ).toBe('llama-bpe')
  })

  test('one that cannot be done exactly is refused by its name', () => {
    expect(() => readCutters({ type: 'BertPreTokenizer' })).toThrow('"BertPreTokenizer"')
    expect(() => readCutters({ type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' })).toThrow(
      /Invalid regular expression|expression/,
    )
    expect(() =>
      readCutters({ type: 'Split', pattern: { Regex: 'a'.repeat(30_000) }, behavior: 'Isolated' }),
    ).toThrow('longer than')
    expect(() => readCutters({ type: 'Split', pattern: { Regex: 'a' }, behavior: 'Sideways' })).toThrow(
      '"Sideways"',
    )
    expect(() =>
      readCutters({
        type: 'Sequence',
        pretokenizers: Array.from({ length: 1000 }, () => ({ type: 'Digits' })),
      }),
    ).toThrow('too many steps')
  })
})
