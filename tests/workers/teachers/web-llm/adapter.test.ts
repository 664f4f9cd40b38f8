// WebLLM's adapter over a stand-in for its engine: what every teacher keeps, and what only this one must do.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  GREEDY,
  type Asked,
  type CompletionRequest,
  type CompletionResult,
  type ScoreRequest,
  type ScoreResult,
} from '../../../../src/domain/model.ts'
import { logSumExp } from '../../../../src/engine/generation/logits.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import { byteTokenizer } from '../../../engine/small-model.ts'
import { encodeChat, logitsBehind, type WebLlmEngineStandIn } from '../../../stand-ins/web-llm-engine.ts'
import { completeAll, describeTeacherContract } from '../contract.ts'
import { loadStandIn, makeOpener, MODEL, openOptions, SCHEMA } from './stand-in-model.ts'

const call = { signal: new AbortController().signal, emit: () => undefined }
const request = { model: MODEL, contextLength: 256, store: 'cache' } as const

describeTeacherContract('WebLLM’s adapter', () => loadStandIn([])(request, call))
describeTeacherContract('WebLLM behind its worker', () =>
  makeOpener().opener.open({ kind: 'web-llm', model: MODEL }, openOptions()),
)

let engines: WebLlmEngineStandIn[]
let teacher: Teacher
beforeEach(async () => {
  engines = []
  teacher = await loadStandIn(engines)(request, call)
})
afterEach(() => teacher.release())

const asked: Asked = {
  kind: 'chat',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Tea?' },
  ],
}
const ask = (
  id: string,
  change: Partial<CompletionRequest> = {},
  sampling: Partial<CompletionRequest['sampling']> = {},
): CompletionRequest => ({
  id,
  asked,
  sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
  ...change,
})
const one = async (wanted: CompletionRequest): Promise<CompletionResult> =>
  (await completeAll(teacher, [wanted])).results.get(wanted.id) ?? expect.fail('not told')
async function score(...requests: readonly ScoreRequest[]): Promise<ReadonlyMap<string, ScoreResult>> {
  const results = new Map<string, ScoreResult>()
  await teacher.score(requests, {
    signal: new AbortController().signal,
    onResult: (result) => results.set(result.id, result),
    onProgress: () => undefined,
  })
  return results
}
/** What a model by formula says of tokens behind a prompt, computed without the adapter. */
function weigh(prompt: readonly number[], answer: readonly number[]): number {
  return answer.reduce((sum, token, i) => {
    const logits = logitsBehind([...prompt, ...answer.slice(0, i)])
    return sum + (logits[token] ?? NaN) - logSumExp(logits, 0, logits.length)
  }, 0)
}
const close = (found: number | undefined, wanted: number): void =>
  expect(Math.abs((found ?? NaN) - wanted)).toBeLessThanOrEqual(1e-4)

describe('a completion', () => {
  test('is drawn by this program: greedily the likeliest tokens, in the order of the model', async () => {
    const prompt = encodeChat([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Tea?' },
    ])
    const ids: number[] = []
    for (let i = 0; i < 8; i++) {
      const logits = logitsBehind([...prompt, ...ids])
      ids.push(logits.indexOf(Math.max(...logits)))
    }
    expect(await one(ask('a'))).toMatchObject({
      text: byteTokenizer.decode(ids),
      tokens: 8,
      ending: 'length',
      promptTokens: prompt.length,
    })
  })

  test('takes top-k and min-p, which WebLLM does not have', async () => {
    const greedy = (await one(ask('greedy'))).text
    expect((await one(ask('k', {}, { temperature: 2, topK: 1 }))).text).toBe(greedy)
    expect((await one(ask('p', {}, { temperature: 2, minP: 1 }))).text).toBe(greedy)
    expect((await one(ask('free', {}, { temperature: 2 }))).text).not.toBe(greedy)
  })

  test('repeats less with a repetition penalty', async () => {
    const distinct = (text: string): number => new Set(text).size
    const plain = (await one(ask('plain', {}, { maxTokens: 30 }))).text
    expect(
      distinct((await one(ask('varied', {}, { maxTokens: 30, repetitionPenalty: 3 }))).text),
    ).toBeGreaterThan(distinct(plain))
  })

  test('ends at the model’s end token, which is not counted', async () => {
    const { ending, tokens, text } = await one(ask('long', {}, { maxTokens: 200 }))
    expect([ending, tokens]).toEqual(['end', text.length])
  })

  test('is cut at the first of several stop texts', async () => {
    const free = (await one(ask('free', {}, { maxTokens: 16 }))).text
    const [late, early] = [free.slice(9, 11), free.slice(4, 6)]
    expect((await one(ask('cut', {}, { maxTokens: 16, stop: [late, early] }))).text).toBe(
      free.slice(0, Math.min(free.indexOf(late), free.indexOf(early))),
    )
  })

  test('tells what it found of each token as the model has it, before temperature, and an end token not at all', async () => {
    const prompt = encodeChat([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Tea?' },
    ])
    const {
      logProbs = [],
      text,
      tokens,
    } = await one(ask('told', { logProbs: 2 }, { temperature: 1.5, maxTokens: 200 }))
    expect([logProbs.length, logProbs.map((token) => token.text).join('')]).toEqual([tokens, text])
    const ids = byteTokenizer.encode(text)
    for (const [i, { logProb, likeliest, tail }] of logProbs.entries()) {
      close(logProb, weigh([...prompt, ...ids.slice(0, i)], [ids[i] ?? 0]))
      const sorted = [...logitsBehind([...prompt, ...ids.slice(0, i)])].toSorted((a, b) => b - a)
      close(
        (likeliest[0]?.logProb ?? NaN) - (likeliest[1]?.logProb ?? NaN),
        (sorted[0] ?? NaN) - (sorted[1] ?? NaN),
      )
      close(tail + likeliest.reduce((sum, token) => sum + Math.exp(token.logProb), 0), 1)
    }
  })

  test('held to a form that cannot be compiled is refused, and the next row is written', async () => {
    const { results } = await completeAll(teacher, [
      ask('bad', { format: { kind: 'grammar', ebnf: 'root ::= (' } }),
      ask('good', { format: { kind: 'json-schema', schema: SCHEMA } }, { maxTokens: 40 }),
    ])
    expect(results.get('bad')?.refusal).toMatch(/cannot be used: .*Correct the schema or the grammar\.$/)
    expect(results.get('good')?.text).toMatch(/^\{"good":(true|false)\}$/)
  })

  test('that a form and its own kind exclude is refused: raw texts, and probabilities beside it', async () => {
    const format = { kind: 'json-schema', schema: SCHEMA } as const
    expect((await one(ask('raw', { format, asked: { kind: 'raw', text: 'Well' } }))).refusal).toMatch(
      /Ask by chat\.$/,
    )
    expect((await one(ask('told', { format, logProbs: 1 }))).refusal).toMatch(
      /cannot be told of an answer that is held to a form\.$/,
    )
  })

  test('of a chat that WebLLM does not take is refused in a sentence', async () => {
    const chat = (...roles: readonly ('system' | 'user' | 'assistant')[]): Asked => ({
      kind: 'chat',
      messages: roles.map((role) => ({ role, content: 'x' })),
    })
    expect((await one(ask('last', { asked: chat('user', 'assistant') }))).refusal).toMatch(
      /whose last message is the user’s only\.$/,
    )
    expect((await one(ask('late', { asked: chat('user', 'system', 'user') }))).refusal).toMatch(
      /as the first of a chat only\.$/,
    )
    expect((await one(ask('long', { asked: { kind: 'raw', text: 'x'.repeat(300) } }))).refusal).toMatch(
      /has 300 tokens, and the context holds 256/,
    )
  })
})

describe('a score', () => {
  test('of a chat is the model’s own, whatever the tokens of the continuations share', async () => {
    const continuations = ['yes', 'yesterday', 'yet', 'no', 'n']
    const { logProbs = [] } =
      (await score({ id: 's', asked, answerPrefix: 'So ', continuations })).get('s') ?? {}
    const prompt = encodeChat(asked.kind === 'chat' ? asked.messages : [])
    for (const [i, continuation] of continuations.entries())
      close(
        logProbs[i],
        weigh([...prompt, ...byteTokenizer.encode('So ')], byteTokenizer.encode(continuation)),
      )
  })

  test('of a raw text is the model’s own', async () => {
    const { logProbs = [] } =
      (
        await score({ id: 's', asked: { kind: 'raw', text: 'The tea is' }, continuations: [' hot', ' cold'] })
      ).get('s') ?? {}
    // Both begin with a space, so it stands before what is weighed.
    close(logProbs[0], weigh(byteTokenizer.encode('The tea is '), byteTokenizer.encode('hot')))
    close(logProbs[1], weigh(byteTokenizer.encode('The tea is '), byteTokenizer.encode('cold')))
  })

  test('of continuations of one token computes the context once and nothing else', async () => {
    const prompt = encodeChat(asked.kind === 'chat' ? asked.messages : [])
    await score({ id: 's', asked, continuations: ['1', '2', '3', '4', '5'] })
    expect(engines[0]?.computed).toBe(prompt.length)
  })

  test('leaves nothing behind: what is written afterwards is what was written before', async () => {
    const before = (await one(ask('a'))).text
    await score({ id: 's', asked, continuations: ['yes', 'no'] })
    expect((await one(ask('b'))).text).toBe(before)
  })

  test('of what does not fit the context, or of nothing, is refused and ends nothing', async () => {
    const results = await score(
      { id: 'long', asked: { kind: 'raw', text: 'x'.repeat(300) }, continuations: ['a', 'b'] },
      {
        id: 'chat',
        asked: { kind: 'chat', messages: [{ role: 'user', content: 'x'.repeat(250) }] },
        continuations: ['a'.repeat(9), 'b'],
      },
      { id: 'none', asked, continuations: ['', 'b'] },
      { id: 'good', asked, continuations: ['a', 'b'] },
    )
    expect(results.get('long')?.refusal).toMatch(/have 301 tokens, and the context holds 256/)
    expect(results.get('chat')?.refusal).toMatch(/have 261 tokens, and the context holds 256/)
    expect(results.get('none')?.refusal).toMatch(/An empty text cannot be weighed/)
    expect(results.get('good')?.logProbs.length).toBe(2)
  })

  test('rejects when it is stopped', async () => {
    const stop = new AbortController()
    const going = teacher.score(
      [
        { id: 'a', asked, continuations: ['a', 'b'] },
        { id: 'b', asked, continuations: ['a', 'b'] },
      ],
      { signal: stop.signal, onResult: () => stop.abort(), onProgress: () => undefined },
    )
    await expect(going).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('what cannot be read beside the weights is said and costs what depends on it', async () => {
  const blind = await loadStandIn([], undefined, {})(request, call)
  expect(blind.description.gives).toMatchObject({ chat: true, scores: false, logProbs: 0 })
  expect(blind.description.notes.join(' ')).toMatch(
    /tells no probabilities .* because its tokenizer\.json cannot be used here\. It could not be read\.$/,
  )
  await expect(
    blind.score([{ id: 's', asked, continuations: ['a'] }], {
      signal: call.signal,
      onResult: () => undefined,
      onProgress: () => undefined,
    }),
  ).rejects.toMatchObject({ name: 'ModelRefused' })
  expect((await completeAll(blind, [ask('a')])).results.get('a')?.text).toBe((await one(ask('a'))).text)
})
