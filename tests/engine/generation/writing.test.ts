// One completion from a vocabulary in SentencePiece's way: spaces, bytes of characters, stop texts over the borders of tokens.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Writing } from '../../../src/engine/generation/writing.ts'
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

/** Lets a completion choose the given tokens; what it shows after each, and its end. */
function write(
  tokenizer: TextTokenizer,
  prompt: readonly number[],
  ids: readonly number[],
  stop: readonly string[] = [],
): { shown: string[]; text: string; ending: string } {
  const writing = new Writing(
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
    writing.advance(logits, 0, tokenizer.vocabularySize)
    shown.push(writing.partial(Infinity) ?? '')
    if (writing.ended) break
  }
  const { text, ending } = writing.result()
  return { shown, text, ending }
}

const TEXTS = ['Hello there', ' two  spaces ', 'line\r\n\tline', '日本語 and 🧑‍🚀!', 'naïve “quotes”', '']

test.each(['llama', 'gemma'])(
  'a completion is the text that its tokens add to the prompt, no space more and none less: %s',
  (name) => {
    const tokenizer = open(name)
    const prompt = tokenizer.encode('<s>Once upon a')
    for (const text of TEXTS) {
      const written = write(tokenizer, prompt, [...tokenizer.encode(text, { continues: true }), 2])
      expect(written).toMatchObject({ text, ending: 'end' })
      expect(tokenizer.decode(prompt) + written.text).toBe(
        tokenizer.decode([...prompt, ...tokenizer.encode(text, { continues: true })]),
      )
    }
  },
)

test('a first token that begins with a space keeps it, as in llama.cpp', () => {
  const tokenizer = open('llama')
  expect(write(tokenizer, [1], [...tokenizer.encode('err'), 2]).text).toBe(' err')
})

test('a character of several byte tokens is shown when it is whole, and not before', () => {
  const tokenizer = open('llama')
  const { shown, text } = write(tokenizer, [1], tokenizer.encode('日🚀', { continues: true }))
  expect(shown).toEqual(['', '', '日', '日', '日', '日', '日🚀'])
  expect(text).toBe('日🚀')
})

test('a stop text is found over the borders of tokens and within the bytes of a character, and nothing of it or behind it stays', () => {
  const tokenizer = open('llama')
  const ids = tokenizer.encode('return the 日本 err return', { continues: true })
  expect(ids.length).toBeGreaterThan(8)
  for (const stop of ['n t', 'the 日', '本', ' err']) {
    const whole = 'return the 日本 err return'
    expect(write(tokenizer, [1], ids, ['never', stop])).toMatchObject({
      text: whole.slice(0, whole.indexOf(stop)),
      ending: 'end',
    })
  }
})
