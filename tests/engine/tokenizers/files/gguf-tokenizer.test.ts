import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { SplitPreTokenizer } from '@huggingface/tokenizers'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeBytes } from '../../../../src/engine/tokenizers/bpe/byte-alphabet.ts'
import { PRE_TOKENIZERS } from '../../../../src/engine/tokenizers/splitting/pre-tokenizers.ts'
import { tokenizerFromGguf } from '../../../../src/engine/tokenizers/tokenizer.ts'
import type { TextTokenizer } from '../../../../src/engine/tokenizers/tokenizer.ts'
import { TextStream } from '../../../../src/engine/tokenizers/text-stream.ts'
import { crc32 } from '../../crc32.ts'
import { hasSharedModel, readSharedHeader, whySkipped } from '../../shared-model.ts'

interface Oracle {
  readonly strings: readonly string[]
  readonly ids: readonly string[]
  readonly decoded: string
  readonly pieces: Readonly<Record<string, string>>
}
const oracle = JSON.parse(
  readFileSync(new URL('../../../oracles/tokens.json', import.meta.url), 'utf8'),
) as Oracle

describe.skipIf(!hasSharedModel)(`tokenizerFromGguf with SmolLM2${whySkipped}`, () => {
  let tokenizer: TextTokenizer
  beforeAll(async () => {
    const result = tokenizerFromGguf((await readSharedHeader()).metadata)
    if (!result.ok) throw new Error(result.sentence)
    tokenizer = result.tokenizer
  })

  test('gives the ids of the Rust tokenizers library for more than 1,000 strings of many scripts', () => {
    expect(oracle.strings.length).toBeGreaterThanOrEqual(1000)
    const wrong = oracle.strings.filter((text, i) => tokenizer.encode(text).join(' ') !== oracle.ids[i])
    expect(wrong).toEqual([])
  })

  test('decodes these ids to the same texts as the library', () => {
    const expected = oracle.decoded.split(' ')
    const wrong = oracle.strings.filter(
      (text, i) => crc32(tokenizer.decode(tokenizer.encode(text))) !== expected[i],
    )
    expect(wrong).toEqual([])
  })

  test('encodes special tokens as plain characters with `special: false`', () => {
    const special = tokenizer.idOf('<|im_end|>') as number
    expect(tokenizer.encode('a<|im_end|>')).toContain(special)
    expect(tokenizer.encode('a<|im_end|>', { special: false })).not.toContain(special)
    expect(tokenizer.decode(tokenizer.encode('a<|im_end|>b', { special: false }))).toBe('a<|im_end|>b')
    expect(tokenizer.decode(tokenizer.encode('a<|im_end|>b'), { skipSpecial: true })).toBe('ab')
  })

  test('finds the end tokens', () => {
    expect([...tokenizer.endIds].toSorted((a, b) => a - b)).toEqual([
      tokenizer.idOf('<|endoftext|>'),
      tokenizer.idOf('<|im_end|>'),
    ])
    expect(tokenizer.startIds).toEqual([])
  })

  test("renders a chat with the model's own template", () => {
    const text = tokenizer.renderChat(
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      { addGenerationPrompt: true },
    )
    expect(text).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    )
  })

  // The model's vocabulary lacks a few bytes (0xF1 to 0xF4 start unassigned characters), so not every code point.
  test('round-trips any text of assigned characters, as a whole and token by token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const ids = tokenizer.encode(text, { special: false })
        expect(tokenizer.decode(ids)).toBe(text)
        const stream = new TextStream()
        expect(ids.map((id) => stream.push(tokenizer.tokenBytes(id))).join('') + stream.flush()).toBe(text)
      }),
      { numRuns: 300 },
    )
  })
})

describe('PRE_TOKENIZERS', () => {
  test.each(Object.keys(oracle.pieces))('splits texts like the Rust library: %s', (name) => {
    const family = PRE_TOKENIZERS.get(name)
    if (family === undefined) throw new Error(`no family ${name}`)
    const steps = family.expressions.map(
      (Regex) =>
        new SplitPreTokenizer({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }),
    )
    const expected = oracle.pieces[name]?.split(' ') ?? []
    const wrong = oracle.strings.filter((text, i) => {
      let pieces = text === '' ? [] : [text]
      for (const step of steps) pieces = pieces.flatMap((piece) => step.pre_tokenize(piece))
      return crc32(pieces.map(writeBytes).join(' ')) !== expected[i]
    })
    expect(wrong).toEqual([])
  })
})

describe('tokenizerFromGguf', () => {
  const vocabulary = new Map<string, string | number | string[] | number[]>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', 'gpt-2'],
    ['tokenizer.ggml.tokens', ['a', 'b', 'ab', '<end>']],
    ['tokenizer.ggml.merges', ['a b']],
    ['tokenizer.ggml.token_type', [1, 1, 1, 3]],
    ['tokenizer.ggml.eos_token_id', 3],
  ])
  const without = (key: string, value?: string): ReturnType<typeof tokenizerFromGguf> => {
    const changed = new Map(vocabulary)
    if (value === undefined) changed.delete(key)
    else changed.set(key, value)
    return tokenizerFromGguf(changed)
  }

  test('refuses with the reason: no tokenizer, another kind, an unknown pre-tokenizer, missing lists', () => {
    expect(without('tokenizer.ggml.model')).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('no tokenizer') as string,
    })
    expect(without('tokenizer.ggml.model', 'bert')).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('"bert"') as string,
    })
    expect(without('tokenizer.ggml.pre', 'something-new')).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('"something-new"') as string,
    })
    expect(without('tokenizer.ggml.tokens')).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('tokens') as string,
    })
    expect(without('tokenizer.ggml.merges')).toMatchObject({
      ok: false,
      sentence: expect.stringContaining('merges') as string,
    })
  })

  test('accepts a small but complete vocabulary and skips bytes that it lacks', () => {
    const result = tokenizerFromGguf(vocabulary)
    if (!result.ok) throw new Error(result.sentence)
    expect(result.tokenizer.encode('abXa<end>')).toEqual([2, 0, 3])
    expect(result.tokenizer.decode([])).toBe('')
    expect(result.tokenizer.hasChatTemplate).toBe(false)
    expect(() => result.tokenizer.renderChat([], { addGenerationPrompt: true })).toThrow(/no chat template/)
  })

  test('never throws with arbitrary metadata', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.array(fc.string()),
      fc.array(fc.integer()),
    )
    const keys = [
      'model',
      'pre',
      'tokens',
      'merges',
      'token_type',
      'eos_token_id',
      'bos_token_id',
      'add_bos_token',
    ].map((key) => `tokenizer.ggml.${key}`)
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys, 'tokenizer.chat_template'), value), (changes) => {
        const result = tokenizerFromGguf(new Map([...vocabulary, ...Object.entries(changes)]))
        expect(result.ok ? result.tokenizer.encode('ab') : result.sentence).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })
})
