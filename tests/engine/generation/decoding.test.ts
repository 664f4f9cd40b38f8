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

/** One greedy step from the given logits, after a prompt and earlier tokens. */
function stepFrom(
  tokenizer: TextTokenizer,
  {
    prompt,
    earlier,
    penalty,
    logits,
  }: { prompt: number[]; earlier: number[]; penalty: number; logits: Float32Array },
): number | undefined {
  const decoding = new Decoding(
    {
      id: 'a',
      tokens: prompt,
      sampling: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: penalty,
        maxTokens: 1000,
        stop: [],
        rngSeed: 'a',
      },
    },
    tokenizer,
    1000,
  )
  for (const id of earlier) {
    const one = new Float32Array(tokenizer.vocabularySize)
    one[id] = 100
    decoding.advance(one, 0, one.length)
  }
  return decoding.advance(logits, 0, logits.length)
}

test('penalises the repetition of generated tokens alone, never of the prompt or of the end token', () => {
  const tokenizer = open('llama')
  const [word, other] = tokenizer.encode('one two', { continues: true }) as [number, number]
  const end = 2
  const make = (values: Readonly<Record<number, number>>): Float32Array => {
    const logits = new Float32Array(tokenizer.vocabularySize).fill(-10)
    for (const [id, value] of Object.entries(values)) logits[Number(id)] = value
    return logits
  }
  const logits = (): Float32Array => make({ [word]: 4, [other]: 3.8 })
  // In the prompt: not penalised. Generated: penalised.
  expect(stepFrom(tokenizer, { prompt: [1, word], earlier: [], penalty: 1.1, logits: logits() })).toBe(word)
  expect(stepFrom(tokenizer, { prompt: [1], earlier: [word], penalty: 1.1, logits: logits() })).toBe(other)
  // The end token of earlier turns: the completion ends (undefined).
  const ending = make({ [end]: 4, [word]: 3.8 })
  expect(
    stepFrom(tokenizer, { prompt: [1, end, word, end], earlier: [other], penalty: 1.1, logits: ending }),
  ).toBeUndefined()
})

test('throws an error that names the cause if a logit is not a number, and never returns token 0 for it', () => {
  const tokenizer = open('llama')
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const logits = new Float32Array(tokenizer.vocabularySize)
    logits[17] = wrong
    expect(() => stepFrom(tokenizer, { prompt: [1], earlier: [], penalty: 1, logits })).toThrow(
      /not a number.*graphics card.*file/,
    )
  }
  const none = new Float32Array(tokenizer.vocabularySize).fill(Number.NEGATIVE_INFINITY)
  expect(() => stepFrom(tokenizer, { prompt: [1], earlier: [], penalty: 1, logits: none })).toThrow(
    /not a number/,
  )
})

test('never samples an id beyond the vocabulary, in a head that is padded', () => {
  const tokenizer = open('llama')
  const logits = new Float32Array(tokenizer.vocabularySize + 64)
  logits[tokenizer.vocabularySize + 5] = 10
  logits[20] = 1
  expect(stepFrom(tokenizer, { prompt: [1], earlier: [], penalty: 1, logits })).toBe(20)
})
