import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TextStream } from '../../../../src/engine/tokenizers/text-stream.ts'
import {
  tokenizerFromFolder,
  type TextTokenizer,
  type TokenizerFolder,
} from '../../../../src/engine/tokenizers/tokenizer.ts'
import { crc32 } from '../../crc32.ts'

interface Model {
  readonly tokenizerJson: Readonly<Record<string, unknown>>
  readonly tokenizerConfig: Readonly<Record<string, unknown>>
  readonly sums: string
  readonly framed: readonly number[]
}
interface Oracle {
  readonly extra: readonly string[]
  readonly models: Readonly<Record<string, Model>>
  readonly chats: readonly (readonly { role: string; content: string }[])[]
  readonly templates: Readonly<
    Record<
      string,
      { readonly template: string; readonly rendered: readonly (readonly [string | null, string | null])[] }
    >
  >
}
const readOracle = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../oracles/${name}`, import.meta.url), 'utf8'))
const { extra, models, chats, templates } = readOracle('folders.json') as Oracle
const { strings } = readOracle('tokens.json') as { strings: readonly string[] }
const texts = [...strings.slice(0, 150), ...strings.slice(150).filter((_, i) => i % 6 === 0), ...extra]

function open(folder: TokenizerFolder): TextTokenizer {
  const result = tokenizerFromFolder(folder)
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}
const refusalOf = (folder: TokenizerFolder): string => {
  const result = tokenizerFromFolder(folder)
  return result.ok ? '' : result.sentence
}
const modelOf = (name: string): Model => models[name] as Model

describe.each(Object.keys(models))('tokenizerFromFolder with a tokenizer like "%s"', (name) => {
  const { tokenizerJson, tokenizerConfig, sums, framed } = modelOf(name)
  const tokenizer = open({ tokenizerJson, tokenizerConfig })

  test('gives the ids and the texts of transformers for hundreds of strings of many scripts', () => {
    const expected = sums.split(' ')
    expect(expected).toHaveLength(texts.length)
    const wrong = texts.filter((text, i) => {
      const ids = tokenizer.encode(text)
      return (
        crc32(
          [ids.join(' '), tokenizer.encode(text, { special: false }).join(' '), tokenizer.decode(ids)].join(
            '|',
          ),
        ) !== expected[i]
      )
    })
    expect(wrong).toEqual([])
  })

  test('adds the same start tokens as transformers', () => {
    expect([...tokenizer.startIds, ...tokenizer.encode('ab')]).toEqual(framed)
  })

  // NFKC and an alphabet without bytes lose characters in encoding.
  test.skipIf(name === 'unigram')('decodes a completion after a prompt token by token', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }).map((any) => any.replaceAll('▁', '')),
        (text) => {
          // "▁" comes back as a space
          const ids = tokenizer.encode(text, { special: false, continues: true })
          const stream = new TextStream()
          const streamed = ids.map((id) => stream.push(tokenizer.tokenBytes(id))).join('') + stream.flush()
          if (name !== 'gpt2') expect(streamed).toBe(text) // it has NFC, and tokens that strip spaces
          const prompt = tokenizer.encode('Once upon a')
          expect(tokenizer.decode([...prompt, ...ids])).toBe(tokenizer.decode(prompt) + streamed)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe.each(Object.keys(templates))('a chat template of a folder with %s', (name) => {
  const { template = '', rendered = [] } = templates[name] ?? {}
  const { tokenizerJson, tokenizerConfig } = modelOf('llama3')
  const { chat_template: _, ...config } = tokenizerConfig

  test.each(chats.map((messages, i) => [messages.map(({ role }) => role).join(', '), i] as const))(
    'renders the same text as transformers: %s',
    (_roles, i) => {
      const tokenizer = open({ tokenizerJson, tokenizerConfig: { ...config, chat_template: template } })
      for (const [at, addGenerationPrompt] of [false, true].entries()) {
        const expected = rendered[i]?.[at] ?? null
        const render = (): string => tokenizer.renderChat(chats[i] ?? [], { addGenerationPrompt })
        if (expected === null) expect(render).toThrow(/chat template failed/)
        else expect(render()).toBe(expected)
      }
    },
  )
})

describe('tokenizerFromFolder', () => {
  const { tokenizerJson, tokenizerConfig } = modelOf('llama3')
  const special = (content: string): number => open({ tokenizerJson }).idOf(content) as number
  const chat = (folder: Partial<TokenizerFolder>): string =>
    open({ tokenizerJson, ...folder }).renderChat([{ role: 'user', content: 'Hi' }], {
      addGenerationPrompt: true,
    })

  test('collects the end tokens from all files', () => {
    const [begin, turn, end] = ['<s>', '<|eot_id|>', '<|im_end|>'].map(special)
    expect(open({ tokenizerJson }).endIds).toEqual(new Set([turn, end]))
    expect(
      open({ tokenizerJson, generationConfig: { eos_token_id: [5, begin, -1, 1e9, 'x'] } }).endIds,
    ).toEqual(new Set([turn, end, 5, begin]))
    expect(open({ tokenizerJson, config: { eos_token_id: 7 } }).endIds).toEqual(new Set([turn, end, 7]))
    expect(open({ tokenizerJson, specialTokensMap: { eos_token: { content: '<s>' } } }).endIds).toEqual(
      new Set([turn, end, begin]),
    )
  })

  test('reads from the files whether a text starts with a token', () => {
    expect(
      open({ tokenizerJson, tokenizerConfig: { ...tokenizerConfig, add_bos_token: false } }).startIds,
    ).toEqual([])
    expect(
      open({ ...modelOf('gpt2'), tokenizerConfig: { bos_token: '</s>', add_bos_token: true } }).startIds,
    ).toEqual([open(modelOf('gpt2')).idOf('</s>')])
  })

  test('finds the template in one of three files, or among several by name', () => {
    expect(() => chat({})).toThrow(/no chat template/)
    expect(chat({ tokenizerConfig: { chat_template: 'config' }, chatTemplate: 'own file' })).toBe('own file')
    expect(chat({ chatTemplate: { chat_template: 'record' } })).toBe('record')
    expect(
      chat({
        tokenizerConfig: {
          chat_template: [
            { name: 'tool_use', template: 'tools' },
            { name: 'default', template: '{{ bos_token }}{{ additional_special_tokens | join }}' },
          ],
          bos_token: { content: '<s>' },
          additional_special_tokens: ['<a>', { content: '<b>' }],
        },
      }),
    ).toBe('<s><a><b>')
    expect(() => chat({ tokenizerConfig: { chat_template: '{% for %}' } })).toThrow(/cannot be read/)
  })

  test('adds tokens that tokenizer.json lacks', () => {
    const at = open({ tokenizerJson }).vocabularySize
    const tokenizer = open({
      tokenizerJson,
      tokenizerConfig: {
        added_tokens_decoder: { [at]: { content: '<think>', special: false }, 3: { content: 'taken' } },
      },
    })
    expect(tokenizer.encode('a<think>')).toEqual([...tokenizer.encode('a'), at])
    expect(tokenizer.vocabularySize).toBe(at + 1)
    expect(tokenizer.json).toBeUndefined()
  })

  test('returns a tokenizer.json without post-processing', () => {
    expect(open({ tokenizerJson }).json).toEqual({
      ...tokenizerJson,
      post_processor: null,
      truncation: null,
      padding: null,
    })
  })

  const changed = (changes: object): TokenizerFolder => ({ tokenizerJson: { ...tokenizerJson, ...changes } })
  test.each([
    ['nothing', { tokenizerJson: undefined }, 'has no vocabulary'],
    ['WordPiece', changed({ model: { type: 'WordPiece', vocab: {} } }), '"WordPiece"'],
    [
      'SentencePiece’s own normaliser',
      changed({
        normalizer: { type: 'Sequence', normalizers: [{ type: 'Precompiled', precompiled_charsmap: '' }] },
      }),
      '"Precompiled"',
    ],
    ['BERT’s pre-tokenizer', changed({ pre_tokenizer: { type: 'BertPreTokenizer' } }), '"BertPreTokenizer"'],
    ['another decoder', changed({ decoder: { type: 'WordPiece' } }), '"WordPiece"'],
    ['no decoder', changed({ decoder: null }), 'nothing'],
    [
      'a merge without a token',
      changed({ model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [['a', 'b']] } }),
      'merge with "ab"',
    ],
    [
      'an id that is no number',
      changed({ model: { type: 'BPE', vocab: { a: '0' }, merges: [] } }),
      'whole number',
    ],
    [
      'an id beyond all vocabularies',
      changed({ model: { type: 'BPE', vocab: { a: 4e6 }, merges: [] } }),
      'whole number',
    ],
    [
      'word boundaries inside tokens',
      changed({ model: { type: 'BPE', vocab: { 'a</w>': 0 }, merges: [], end_of_word_suffix: '</w>' } }),
      'word boundaries',
    ],
  ])('refuses files that cannot be used with a sentence: %s', (_, folder, reason) => {
    expect(refusalOf(folder)).toContain(reason)
    expect(refusalOf(folder)).toMatch(/^This model cannot be used: .*\. Choose another one\.$/)
  })

  test('never throws or hangs with arbitrary files', () => {
    const mess = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string(), { maxLength: 3 }),
      fc.object({ maxDepth: 2 }),
      fc.constantFrom(
        ...[
          'Sequence',
          'Split',
          'Replace',
          'Prepend',
          'Metaspace',
          'ByteLevel',
          'Strip',
          'Digits',
          'Unigram',
          'BPE',
        ].map((type) => ({ type })),
      ),
    )
    const keys = fc.constantFrom(
      'added_tokens',
      'normalizer',
      'pre_tokenizer',
      'post_processor',
      'decoder',
      'model',
    )
    fc.assert(
      fc.property(
        fc.dictionary(keys, mess, { maxKeys: 3 }),
        fc.dictionary(
          fc.constantFrom(
            'chat_template',
            'eos_token',
            'bos_token',
            'added_tokens_decoder',
            'additional_special_tokens',
            'add_bos_token',
          ),
          mess,
        ),
        mess,
        (changes, config, other) => {
          const result = tokenizerFromFolder({
            ...changed(changes),
            tokenizerConfig: config,
            generationConfig: other,
            config: { eos_token_id: other },
            chatTemplate: other,
          })
          expect(
            result.ok ? result.tokenizer.decode(result.tokenizer.encode('ab <s>')) : result.sentence,
          ).toBeDefined()
        },
      ),
      { numRuns: 300 },
    )
  })
})
