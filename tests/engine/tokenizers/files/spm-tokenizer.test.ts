import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GgufValue } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import { TextStream } from '../../../../src/engine/tokenizers/text-stream.ts'
import { tokenizerFromGguf, type TextTokenizer } from '../../../../src/engine/tokenizers/tokenizer.ts'
import { crc32 } from '../../crc32.ts'

interface Model {
  readonly tokens?: readonly string[]
  readonly scores?: readonly number[]
  readonly types: readonly number[]
  readonly prefix: boolean
  readonly ids: string
  readonly decoded: string
  readonly json?: string
  readonly jsonDecoded?: string
}
const readOracle = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../oracles/${name}`, import.meta.url), 'utf8'))
const { extra, models } = readOracle('spm.json') as {
  extra: readonly string[]
  models: Readonly<Record<string, Model>>
}
const { strings } = readOracle('tokens.json') as { strings: readonly string[] }
const texts = [...strings.slice(0, 150), ...strings.slice(150).filter((_, i) => i % 3 === 0), ...extra]

function metadataOf(name: string): Map<string, GgufValue> {
  const { tokens, scores } = models[name]?.tokens ? (models[name] as Model) : (models['llama'] as Model)
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', [...(tokens ?? [])]],
    ['tokenizer.ggml.scores', [...(scores ?? [])]],
    ['tokenizer.ggml.token_type', [...(models[name]?.types ?? [])]],
    ['tokenizer.ggml.add_space_prefix', models[name]?.prefix ?? true],
  ])
}

function open(metadata: ReadonlyMap<string, GgufValue>): TextTokenizer {
  const result = tokenizerFromGguf(metadata)
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}

/** Texts whose checksum differs from the reference. */
function wrongOn(sums: string, make: (text: string) => string): string[] {
  const expected = sums.split(' ')
  expect(expected).toHaveLength(texts.length)
  return texts.filter((text, i) => crc32(make(text)) !== expected[i])
}

describe.each(Object.keys(models))('makeSpmTokenizer with a vocabulary like "%s"', (name) => {
  const model = models[name] as Model
  const tokenizer = open(metadataOf(name))
  const plain = (text: string): number[] => tokenizer.encode(text, { special: false })

  test('gives the ids of the sentencepiece package for hundreds of strings of many scripts', () => {
    expect(texts.length).toBeGreaterThanOrEqual(500)
    expect(wrongOn(model.ids, (text) => plain(text).join(' '))).toEqual([])
  })

  // Text without tokens or bytes becomes an unknown token, which the package decodes to its own symbol.
  test.skipIf(name === 'lacking')('decodes these ids to the texts of the package', () => {
    expect(wrongOn(model.decoded, (text) => tokenizer.decode(plain(text)))).toEqual([])
  })

  test.skipIf(name === 'lacking')(
    'round-trips any text, as a whole and token by token after a prompt',
    () => {
      fc.assert(
        fc.property(
          fc.string({ unit: 'grapheme', maxLength: 40 }).map((any) => any.replaceAll('▁', '')),
          (text) => {
            // "▁" comes back as a space
            expect(tokenizer.decode(plain(text))).toBe(text)
            const ids = tokenizer.encode(text, { special: false, continues: true })
            const stream = new TextStream()
            expect(ids.map((id) => stream.push(tokenizer.tokenBytes(id))).join('') + stream.flush()).toBe(
              text,
            )
            const prompt = plain('Once upon a')
            expect(tokenizer.decode([...prompt, ...ids])).toBe(`Once upon a${text}`)
          },
        ),
        { numRuns: 200 },
      )
    },
  )
})

describe('makeSpmTokenizer', () => {
  const llama = open(metadataOf('llama'))
  const gemma = open(metadataOf('gemma'))

  test('encodes special tokens like the Rust library with Llama 2’s tokenizer.json', () => {
    const { json = '', jsonDecoded = '' } = models['llama'] as Model
    expect(wrongOn(json, (text) => llama.encode(text).join(' '))).toEqual([])
    expect(wrongOn(jsonDecoded, (text) => llama.decode(llama.encode(text)))).toEqual([])
  })

  test('adds a space before texts and after special tokens, but not before a continuation', () => {
    expect(llama.encode('<s>a')).toEqual([1, llama.idOf('▁a')])
    expect(llama.encode('a', { continues: true })).toEqual([llama.idOf('a')])
    expect(llama.encode('', { continues: true })).toEqual([])
    expect(gemma.encode('<b>a')).toEqual([gemma.idOf('<b>'), gemma.idOf('a')])
  })

  test('adds no space after control tokens if instructions are control tokens, as Mistral’s folders do', () => {
    const { tokens = [], types } = models['gemma'] as Model
    const names = tokens.map((token) => ({ '<b>': '[INST]', '</s>x': '[/INST]' })[token] ?? token)
    const kinds = types.map((type, id) => (['[INST]', '[/INST]'].includes(names[id] ?? '') ? 3 : type))
    const openWith = (token_type: readonly number[]): TextTokenizer =>
      open(
        new Map<string, GgufValue>([
          ...metadataOf('gemma'),
          ['tokenizer.ggml.tokens', names],
          ['tokenizer.ggml.token_type', [...token_type]],
          ['tokenizer.ggml.add_space_prefix', true],
        ]),
      )
    const mistral = openWith(kinds)
    const [begin, end] = [mistral.idOf('[INST]') as number, mistral.idOf('[/INST]') as number]
    expect(mistral.encode('[INST] a[/INST] b')).toEqual([begin, mistral.idOf('▁a'), end, mistral.idOf('▁b')])
    expect(mistral.encode('a')).toEqual([mistral.idOf('▁a')])
    expect(openWith(types).encode('[INST]a')).toEqual([begin, mistral.idOf('▁a')])
  })

  test('encodes a character without a token as bytes, and a stream decodes it as a whole', () => {
    const ids = llama.encode('🧑‍🚀', { continues: true })
    expect(ids.map((id) => llama.tokenBytes(id).length)).toEqual(Array.from({ length: 11 }, () => 1))
    const stream = new TextStream()
    expect(ids.map((id) => stream.push(llama.tokenBytes(id))).filter((text) => text !== '')).toEqual([
      '🧑',
      '\u200d',
      '🚀',
    ])
  })

  test('keeps the space of a completion’s first token, as llama.cpp does', () => {
    const id = llama.idOf('▁a') as number
    expect(new TextDecoder().decode(llama.tokenBytes(id))).toBe(' a')
    expect(llama.decode([id])).toBe('a')
  })

  test('uses llama.cpp’s default begin and end ids if the file has none', () => {
    expect(llama.startIds).toEqual([1])
    expect([...llama.endIds]).toEqual([2])
    expect(open(new Map([...metadataOf('llama'), ['tokenizer.ggml.add_bos_token', false]])).startIds).toEqual(
      [],
    )
    expect(llama.isSpecial(0) && llama.isSpecial(1) && !llama.isSpecial(3)).toBe(true)
  })

  test('finds end tokens by name, but not a name that is HTML in this vocabulary', () => {
    const { tokens = [], types } = models['gemma'] as Model
    const named = (changes: Readonly<Record<string, string>>): string[] =>
      tokens.map((token) => changes[token] ?? token)
    const endsOf = (names: readonly string[], kinds = types): string[] =>
      [
        ...open(
          new Map<string, GgufValue>([
            ...metadataOf('gemma'),
            ['tokenizer.ggml.tokens', [...names]],
            ['tokenizer.ggml.token_type', [...kinds]],
          ]),
        ).endIds,
      ]
        .map((id) => names[id] ?? '')
        .toSorted()
    expect(endsOf(tokens)).toEqual(['</s>'])
    expect(endsOf(named({ '</s>': '<eos>', '<turn_end>': '<end_of_turn>', '<b>': '</s>' }))).toEqual([
      '<end_of_turn>',
      '<eos>',
    ])
    expect(endsOf(named({ '</s>': '<|return|>', '<turn_end>': '<|end|>' }))).toEqual([
      '<|end|>',
      '<|return|>',
    ])
    expect(endsOf(named({ '</s>': '<|return|>', '<turn_end>': '<|end|>', '<b>': '<|call|>' }))).toEqual([
      '<|call|>',
      '<|return|>',
    ])
  })

  test('strips the white space after Phi-3’s special tokens', () => {
    expect(open(new Map([...metadataOf('llama'), ['general.name', 'Phi 3']])).encode('</s>\n a')).toEqual([
      2,
      ...llama.encode('\n a'),
    ])
    expect(
      open(new Map([...metadataOf('llama'), ['general.name', 'Phi-3 mini']])).encode('</s>\n a'),
    ).toEqual([2, llama.idOf('▁a')])
  })

  test('encodes 100,000 characters without a word boundary quickly', () => {
    const text = 'return'.repeat(16_667)
    expect(llama.decode(llama.encode(text))).toBe(text)
  })

  test('refuses a vocabulary without scores with a sentence', () => {
    const without = metadataOf('llama')
    without.delete('tokenizer.ggml.scores')
    expect(tokenizerFromGguf(without)).toEqual({
      ok: false,
      sentence: 'This model cannot be used: its list of scores is missing or too short. Choose another one.',
    })
  })

  test.each(['bert', 't5', 'rwkv', 'plamo2', 'no_vocab'])(
    'refuses another kind of vocabulary by its name: %s',
    (kind) => {
      expect(
        tokenizerFromGguf(new Map([...metadataOf('llama'), ['tokenizer.ggml.model', kind]])),
      ).toMatchObject({ ok: false, sentence: expect.stringContaining(`of the kind "${kind}"`) as string })
    },
  )

  test('never throws with arbitrary metadata', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.array(fc.string()),
      fc.array(fc.integer()),
      fc.array(fc.double()),
    )
    const keys = [
      'tokens',
      'scores',
      'token_type',
      'eos_token_id',
      'bos_token_id',
      'unknown_token_id',
      'add_bos_token',
      'add_space_prefix',
    ].map((key) => `tokenizer.ggml.${key}`)
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), (changes) => {
        const result = tokenizerFromGguf(new Map([...metadataOf('lacking'), ...Object.entries(changes)]))
        expect(
          result.ok ? result.tokenizer.decode(result.tokenizer.encode('ab<s>')) : result.sentence,
        ).toBeDefined()
      }),
      { numRuns: 200 },
    )
  })
})
