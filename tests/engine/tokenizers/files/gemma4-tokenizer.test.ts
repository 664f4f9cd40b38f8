import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TextStream } from '../../../../src/engine/tokenizers/text-stream.ts'
import {
  tokenizerFromFolder,
  tokenizerFromGguf,
  type TextTokenizer,
} from '../../../../src/engine/tokenizers/tokenizer.ts'
import type { GgufValue } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import { crc32 } from '../../crc32.ts'

interface Model {
  readonly tokenizerJson: {
    readonly added_tokens: readonly { id: number; content: string; special: boolean }[]
    readonly model: {
      readonly vocab: Readonly<Record<string, number>>
      readonly merges: readonly (readonly [string, string])[]
    }
  }
  readonly sums: string
}
const readOracle = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../oracles/${name}`, import.meta.url), 'utf8'))
const { extra, models } = readOracle('gemma4.json') as {
  extra: readonly string[]
  models: Readonly<Record<string, Model>>
}
const { strings } = readOracle('tokens.json') as { strings: readonly string[] }
const texts = [...strings.slice(0, 150), ...strings.slice(150).filter((_, i) => i % 5 === 0), ...extra]

/** What llama.cpp's converter writes for such a folder. */
function metadataOf({ tokenizerJson: { added_tokens: added, model } }: Model): Map<string, GgufValue> {
  const tokens: string[] = []
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token
  const types = tokens.map((token): number => (/^<0x[0-9A-F]{2}>$/.test(token) ? 6 : 1))
  for (const { id, content, special } of added) {
    tokens[id] = content
    types[id] = special ? 3 : 4
  }
  const idOf = (token: string): number => tokens.indexOf(token)
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', 'gemma4'],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.scores', tokens.map(() => -1000)],
    ['tokenizer.ggml.token_type', types],
    ['tokenizer.ggml.merges', model.merges.map((pair) => pair.join(' '))],
    ['tokenizer.ggml.bos_token_id', idOf('<bos>')],
    ['tokenizer.ggml.eos_token_id', idOf('<eos>')],
    ['tokenizer.ggml.unknown_token_id', idOf('<unk>')],
    ['tokenizer.ggml.add_space_prefix', false],
  ])
}
const modelOf = (name: string): Model => models[name] as Model

function open(result: ReturnType<typeof tokenizerFromGguf>): TextTokenizer {
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}
const fromGguf = (name: string, changes: readonly [string, GgufValue][] = []): TextTokenizer =>
  open(tokenizerFromGguf(new Map([...metadataOf(modelOf(name)), ...changes])))
const fromFolder = (tokenizerJson: unknown): TextTokenizer => open(tokenizerFromFolder({ tokenizerJson }))

/** Strings whose ids or text differ from the library's. */
function wrongOn(tokenizer: TextTokenizer, sums: string): string[] {
  const expected = sums.split(' ')
  expect(expected).toHaveLength(texts.length)
  return texts.filter((text, i) => {
    const ids = tokenizer.encode(text)
    const plain = tokenizer.encode(text, { special: false })
    return crc32([ids.join(' '), plain.join(' '), tokenizer.decode(ids)].join('|')) !== expected[i]
  })
}

describe.each(Object.keys(models))('a vocabulary of Gemma 4’s kind: "%s"', (name) => {
  const { tokenizerJson, sums } = modelOf(name)

  test('gives the ids and texts of the Rust library from a GGUF file', () => {
    expect(texts.length).toBeGreaterThan(400)
    expect(wrongOn(fromGguf(name), sums)).toEqual([])
  })

  test('gives them from a folder', () => {
    expect(wrongOn(fromFolder(tokenizerJson), sums)).toEqual([])
  })

  test('gives them from the tokenizer.json that an export writes', () => {
    expect(wrongOn(fromFolder(fromGguf(name).json), sums)).toEqual([])
  })

  test.skipIf(name === 'lacking')('round-trips any text, as a whole and token by token', () => {
    const tokenizer = fromGguf(name)
    fc.assert(
      fc.property(
        fc
          .array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('\n\n', '  ')))
          .map((parts) => parts.join('').replaceAll('▁', '')), // "▁" comes back as a space
        (text) => {
          const ids = tokenizer.encode(text, { special: false })
          expect(tokenizer.decode(ids)).toBe(text)
          const stream = new TextStream()
          expect(ids.map((id) => stream.push(tokenizer.tokenBytes(id))).join('') + stream.flush()).toBe(text)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('tokenizerFromGguf with "gemma4"', () => {
  const tokenizer = fromGguf('whole')

  test('takes a run of newlines that is a token whole', () => {
    for (let count = 1; count <= 12; count++) {
      const run = '\n'.repeat(count)
      expect(tokenizer.encode(`a${run}b`)).toEqual(['a', run, 'b'].map((token) => tokenizer.idOf(token)))
    }
  })

  test('writes characters without a token as their bytes', () => {
    const bytes = [0xe2, 0x98, 0x83].map((byte) => tokenizer.idOf(`<0x${byte.toString(16).toUpperCase()}>`))
    expect(tokenizer.encode('☃')).toEqual(bytes)
    expect(tokenizer.decode(tokenizer.encode('☃'))).toBe('☃')
  })

  test('starts texts with the begin token even if an old file declares that it does not', () => {
    const begin = tokenizer.idOf('<bos>')
    expect(tokenizer.startIds).toEqual([begin])
    expect(fromGguf('whole', [['tokenizer.ggml.add_bos_token', false]]).startIds).toEqual([begin])
  })

  test('ends answers with the turn’s end, and not with "</s>", which is a word there', () => {
    expect(tokenizer.endIds).toEqual(new Set([tokenizer.idOf('<eos>'), tokenizer.idOf('<turn|>')]))
  })

  test('reads files that name the kind by the pre-tokenizer', () => {
    const named = fromGguf('whole', [
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', 'gemma4'],
    ])
    expect(wrongOn(named, modelOf('whole').sums)).toEqual([])
  })

  test('refuses a file without merges in a sentence', () => {
    const metadata = metadataOf(modelOf('whole'))
    metadata.delete('tokenizer.ggml.merges')
    expect(tokenizerFromGguf(metadata)).toEqual({
      ok: false,
      sentence: 'This model cannot be used: its list of merges is missing. Choose another one.',
    })
  })
})
