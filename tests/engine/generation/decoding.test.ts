// One completion with a SentencePiece vocabulary: spaces, bytes of characters, stop texts across token boundaries.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Decoding } from '../../../src/engine/generation/decoding.ts'
import { tokenizerFromGguf, type TextTokenizer } from '../../../src/engine/tokenizers/tokenizer.ts'

interface Vocabulary {
  readonly tokens: string[]
  readonly scores: number[]
  readonly types: number[]
  readonly prefix: boolean
}
const { models } = JSON.parse(readFileSync(new URL('../../oracles/spm.json', import.meta.url), 'utf8')) as {
  models: Readonly<Record<string, Vocabulary>>
}

function open(name: string): TextTokenizer {
  const { tokens, scores, types, prefix } = models[name] as Vocabulary
  const made = tokenizerFromGguf(
    new Map<string, string | string[] | number[] | boolean>([
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', tokens],
      ['tokenizer.ggml.scores', scores],
      ['tokenizer.ggml.token_type', types],
      ['tokenizer.ggml.add_space_prefix', prefix],
    ]),
  )
  if (!made.ok) throw new Error(made.sentence)
  return made.tokenizer
}

/** Makes a completion choose the given tokens; returns its partial text after each, and its end. */
function decode(
  tokenizer: TextTokenizer,
  prompt: readonly number[],
  ids: readonly number[],
  stop: readonly string[] = [],
): { shown: string[]; text: string; finishReason: string } {
  const decoding = new Decoding(
    {
      id: 'a',
      tokens: prompt,
      sampling: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 1000,
        stop,
        rngSeed: 'a',
      },
    },
    tokenizer,
    1000,
  )
  const shown: string[] = []
  for (const id of ids) {
    const logits = new Float32Array(tokenizer.vocabularySize)
    logits[id] = 1
    decoding.advance(logits, 0, tokenizer.vocabularySize)
    shown.push(decoding.partial(Infinity) ?? '')
    if (decoding.ended) break
  }
  const { text, finishReason } = decoding.result()
  return { shown, text, finishReason }
}

const TEXTS = ['Hello there', ' two  spaces ', 'line\r\n\tline', '日本語 and 🧑‍🚀!', 'naïve “quotes”', '']

test.each(['llama', 'gemma'])('returns exactly the text that the tokens append to the prompt: %s', (name) => {
  const tokenizer = open(name)
  const prompt = tokenizer.encode('<s>Once upon a')
  for (const text of TEXTS) {
    const decoded = decode(tokenizer, prompt, [...tokenizer.encode(text, { continues: true }), 2])
    expect(decoded).toMatchObject({ text, finishReason: 'end' })
    expect(tokenizer.decode(prompt) + decoded.text).toBe(
      tokenizer.decode([...prompt, ...tokenizer.encode(text, { continues: true })]),
    )
  }
})

test('keeps the leading space of the first token, as llama.cpp does', () => {
  const tokenizer = open('llama')
  expect(decode(tokenizer, [1], [...tokenizer.encode('err'), 2]).text).toBe(' err')
})

test('shows a character of several byte tokens only when it is complete', () => {
  const tokenizer = open('llama')
  const { shown, text } = decode(tokenizer, [1], tokenizer.encode('日🚀', { continues: true }))
  expect(shown).toEqual(['', '', '日', '日', '日', '日', '日🚀'])
  expect(text).toBe('日🚀')
})

test('finds a stop text across tokens and inside a multi-byte character and removes it with all that follows', () => {
  const tokenizer = open('llama')
  const ids = tokenizer.encode('return the 日本 err return', { continues: true })
  expect(ids.length).toBeGreaterThan(8)
  for (const stop of ['n t', 'the 日', '本', ' err']) {
    const whole = 'return the 日本 err return'
    expect(decode(tokenizer, [1], ids, ['never', stop])).toMatchObject({
      text: whole.slice(0, whole.indexOf(stop)),
      finishReason: 'end',
    })
  }
})
