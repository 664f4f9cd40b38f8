import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { STUDENT_SPECIALS, trainStudentTokenizer } from '../../../src/engine/tokenizers/student-template.ts'
import { trainBpe } from '../../../src/engine/tokenizers/train-bpe.ts'

interface Learned {
  readonly vocabulary: number
  readonly minFrequency: number
  readonly tokens: readonly string[]
  readonly merges: readonly string[]
}
const readOracle = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../oracles/${name}`, import.meta.url), 'utf8'))
const { strings } = readOracle('tokens.json') as { strings: readonly string[] }
const oracle = readOracle('bpe.json') as { strings: readonly Learned[]; words: readonly Learned[] }

/** The words of tests/oracles/bpe.py, made by the same rule. */
function makeWords(): string[] {
  let state = 1
  const words = Array.from({ length: 4000 }, () => {
    let word = ''
    for (let n = 1 + (state % 9); n > 0; n--) {
      state = Number((BigInt(state) * 1103515245n + 12345n) % 2147483648n)
      word += 'aabc'[(state >> 16) % 4] as string
    }
    return word
  })
  return Array.from({ length: 200 }, (_, i) => words.slice(20 * i, 20 * i + 20).join(' '))
}

interface Model {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (readonly [string, string])[]
  }
}

function learn(
  texts: readonly string[],
  { vocabulary, minFrequency }: Learned,
): { tokens: string[]; merges: string[] } {
  const { model } = trainBpe(texts, { vocabulary, minFrequency, specials: STUDENT_SPECIALS })
    .tokenizerJson as Model
  const tokens = Object.entries(model.vocab)
    .toSorted((a, b) => a[1] - b[1])
    .map(([token]) => token)
  return { tokens, merges: model.merges.map((pair) => pair.join(' ')) }
}

describe('BPE training', () => {
  test.each(oracle.strings)(
    "learns the merges and ids of the library's BpeTrainer from texts of many scripts (vocabulary $vocabulary)",
    (expected) => {
      expect(learn(strings, expected)).toEqual({ tokens: expected.tokens, merges: expected.merges })
    },
  )

  test.each(oracle.words)(
    "learns the library's merges where ties and repeated letters abound (vocabulary $vocabulary)",
    (expected) => {
      expect(learn(makeWords(), expected)).toEqual({ tokens: expected.tokens, merges: expected.merges })
    },
  )

  test('is deterministic and does not depend on the order of the texts', () => {
    const words = makeWords()
    const once = JSON.stringify(trainBpe(words, { vocabulary: 500, specials: [] }))
    expect(JSON.stringify(trainBpe(words, { vocabulary: 500, specials: [] }))).toBe(once)
    expect(JSON.stringify(trainBpe(words.toReversed(), { vocabulary: 500, specials: [] }))).toBe(once)
  })

  test('takes 20,000 rows of 80 words in seconds', () => {
    const vocabulary = strings.join(' ').split(/\s+/)
    let state = 9
    const rows = Array.from({ length: 20_000 }, () =>
      Array.from({ length: 80 }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        // Word stems with made-up endings: tens of thousands of different words, as in real text.
        return `${vocabulary[state % vocabulary.length]}${state % 3 === 0 ? (state >>> 20).toString(36) : ''}`
      }).join(' '),
    )
    const from = performance.now()
    const { tokenizer } = trainStudentTokenizer(rows, 4096)
    const ms = performance.now() - from
    console.info(
      `BPE training: 20,000 rows, ${rows.reduce((sum, row) => sum + row.length, 0)} characters, vocabulary 4,096: ${Math.round(ms)} ms`,
    )
    expect(tokenizer.vocabularySize).toBe(4096)
    expect(ms).toBeLessThan(20_000)
  })

  test('refuses a vocabulary too small for the bytes', () => {
    expect(() => trainBpe(['a'], { vocabulary: 260, specials: STUDENT_SPECIALS })).toThrow(/261/)
  })

  test('ends early when the texts have nothing more to merge, an empty dataset included', () => {
    expect(trainStudentTokenizer([], 1000).tokenizer.vocabularySize).toBe(261)
    expect(trainStudentTokenizer(['ab ab ab'], 1000).tokenizer.vocabularySize).toBe(263)
  })

  test('any text comes back from its ids', () => {
    const { tokenizer } = trainStudentTokenizer(strings, 800)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text, { special: false }))).toBe(text)
      }),
    )
  })
})
