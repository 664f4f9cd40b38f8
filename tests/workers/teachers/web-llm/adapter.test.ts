// WebLLM's adapter over a stand-in for its engine: the contract of every teacher, and what is specific to WebLLM.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type {
  PromptInput,
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../../src/domain/sampling.ts'
import { logSumExp } from '../../../../src/engine/generation/logits.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import { byteTokenizer } from '../../../engine/small-model.ts'
import { encodeChat, logitsAfter, type WebLlmEngineStandIn } from '../../../stand-ins/web-llm-engine.ts'
import { completeAll, describeTeacherContract } from '../contract.ts'
import { loadStandIn, makeOpener, MODEL, openOptions, SCHEMA } from './stand-in-model.ts'

const call = { signal: new AbortController().signal, emit: () => undefined }
const request = { model: MODEL, contextLength: 256, store: 'cache' } as const

describeTeacherContract('WebLLM’s adapter', () => loadStandIn([])(request, call))
describeTeacherContract('WebLLM in its worker', () =>
  makeOpener().opener.open({ kind: 'web-llm', model: MODEL }, openOptions()),
)

let engines: WebLlmEngineStandIn[]
let teacher: Teacher
beforeEach(async () => {
  engines = []
  teacher = await loadStandIn(engines)(request, call)
})
afterEach(() => teacher.release())

const input: PromptInput = {
  kind: 'chat',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Tea?' },
  ],
}
const makeRequest = (
  id: string,
  change: Partial<CompletionRequest> = {},
  sampling: Partial<CompletionRequest['sampling']> = {},
): CompletionRequest => ({
  id,
  input,
  sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
  ...change,
})
const one = async (single: CompletionRequest): Promise<CompletionResult> =>
  (await completeAll(teacher, [single])).results.get(single.id) ?? expect.fail('no result')
async function score(...requests: readonly ScoreRequest[]): Promise<ReadonlyMap<string, ScoreResult>> {
  const results = new Map<string, ScoreResult>()
  await teacher.score(requests, {
    signal: new AbortController().signal,
    onResult: (result) => results.set(result.id, result),
    onProgress: () => undefined,
  })
  return results
}
/** The formula model's log-probability of tokens after a prompt, computed without the adapter. */
function scoreByFormula(prompt: readonly number[], answer: readonly number[]): number {
  return answer.reduce((sum, token, i) => {
    const logits = logitsAfter([...prompt, ...answer.slice(0, i)])
    return sum + (logits[token] ?? NaN) - logSumExp(logits, 0, logits.length)
  }, 0)
}
const expectClose = (actual: number | undefined, expected: number): void =>
  expect(Math.abs((actual ?? NaN) - expected)).toBeLessThanOrEqual(1e-4)

describe('a completion', () => {
  test('samples with this program’s code: greedily the most likely tokens', async () => {
    const prompt = encodeChat([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Tea?' },
    ])
    const ids: number[] = []
    for (let i = 0; i < 8; i++) {
      const logits = logitsAfter([...prompt, ...ids])
      ids.push(logits.indexOf(Math.max(...logits)))
    }
    expect(await one(makeRequest('a'))).toMatchObject({
      text: byteTokenizer.decode(ids),
      tokens: 8,
      finishReason: 'length',
      promptTokens: prompt.length,
    })
  })

  test('supports top-k and min-p, which WebLLM lacks', async () => {
    const greedy = (await one(makeRequest('greedy'))).text
    expect((await one(makeRequest('k', {}, { temperature: 2, topK: 1 }))).text).toBe(greedy)
    expect((await one(makeRequest('p', {}, { temperature: 2, minP: 1 }))).text).toBe(greedy)
    expect((await one(makeRequest('free', {}, { temperature: 2 }))).text).not.toBe(greedy)
  })

  test('repeats less with a repetition penalty', async () => {
    const distinct = (text: string): number => new Set(text).size
    const plain = (await one(makeRequest('plain', {}, { maxTokens: 30 }))).text
    expect(
      distinct((await one(makeRequest('varied', {}, { maxTokens: 30, repetitionPenalty: 3 }))).text),
    ).toBeGreaterThan(distinct(plain))
  })

  test('ends at the model’s end token without counting it', async () => {
    const { finishReason, tokens, text } = await one(makeRequest('long', {}, { maxTokens: 200 }))
    expect([finishReason, tokens]).toEqual(['end', text.length])
  })

  test('cuts at the first of several stop texts', async () => {
    const free = (await one(makeRequest('free', {}, { maxTokens: 16 }))).text
    const [late, early] = [free.slice(9, 11), free.slice(4, 6)]
    expect((await one(makeRequest('cut', {}, { maxTokens: 16, stop: [late, early] }))).text).toBe(
      free.slice(0, Math.min(free.indexOf(late), free.indexOf(early))),
    )
  })

  test('returns log-probabilities before temperature for each token but the end token', async () => {
    const prompt = encodeChat([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Tea?' },
    ])
    const {
      logProbs = [],
      text,
      tokens,
    } = await one(makeRequest('logProbs', { logProbs: 2 }, { temperature: 1.5, maxTokens: 200 }))
    expect([logProbs.length, logProbs.map((token) => token.text).join('')]).toEqual([tokens, text])
    const ids = byteTokenizer.encode(text)
    for (const [i, { logProb, top, restProbability }] of logProbs.entries()) {
      expectClose(logProb, scoreByFormula([...prompt, ...ids.slice(0, i)], [ids[i] ?? 0]))
      const sorted = [...logitsAfter([...prompt, ...ids.slice(0, i)])].toSorted((a, b) => b - a)
      expectClose(
        (top[0]?.logProb ?? NaN) - (top[1]?.logProb ?? NaN),
        (sorted[0] ?? NaN) - (sorted[1] ?? NaN),
      )
      expectClose(restProbability + top.reduce((sum, token) => sum + Math.exp(token.logProb), 0), 1)
    }
  })

  test('refuses an output format that cannot be compiled and completes the next row', async () => {
    const { results } = await completeAll(teacher, [
      makeRequest('bad', { format: { kind: 'grammar', ebnf: 'root ::= (' } }),
      makeRequest('good', { format: { kind: 'json-schema', schema: SCHEMA } }, { maxTokens: 40 }),
    ])
    expect(results.get('bad')?.refusal).toMatch(/cannot be used: .*Correct the schema or the grammar\.$/)
    expect(results.get('good')?.text).toMatch(/^\{"good":(true|false)\}$/)
  })

  test('refuses an output format with raw texts or with log-probabilities', async () => {
    const format = { kind: 'json-schema', schema: SCHEMA } as const
    expect((await one(makeRequest('raw', { format, input: { kind: 'raw', text: 'Well' } }))).refusal).toMatch(
      /Use a chat prompt\.$/,
    )
    expect((await one(makeRequest('listed', { format, logProbs: 1 }))).refusal).toMatch(
      /does not support log-probabilities with an output format\.$/,
    )
  })

  test('refuses a chat that WebLLM does not accept with a sentence', async () => {
    const chat = (...roles: readonly ('system' | 'user' | 'assistant')[]): PromptInput => ({
      kind: 'chat',
      messages: roles.map((role) => ({ role, content: 'x' })),
    })
    expect((await one(makeRequest('last', { input: chat('user', 'assistant') }))).refusal).toMatch(
      /only if its last message is from the user\.$/,
    )
    expect((await one(makeRequest('late', { input: chat('user', 'system', 'user') }))).refusal).toMatch(
      /only as the first message of a chat\.$/,
    )
    expect(
      (await one(makeRequest('long', { input: { kind: 'raw', text: 'x'.repeat(300) } }))).refusal,
    ).toMatch(/has 300 tokens, but the context length is 256/)
  })
})

describe('a score', () => {
  test('returns the model’s own log-probabilities for a chat with shared prefixes', async () => {
    const continuations = ['yes', 'yesterday', 'yet', 'no', 'n']
    const { logProbs = [] } =
      (await score({ id: 's', input, answerPrefix: 'So ', continuations })).get('s') ?? {}
    const prompt = encodeChat(input.kind === 'chat' ? input.messages : [])
    for (const [i, continuation] of continuations.entries())
      expectClose(
        logProbs[i],
        scoreByFormula([...prompt, ...byteTokenizer.encode('So ')], byteTokenizer.encode(continuation)),
      )
  })

  test('returns the model’s own log-probabilities for a raw text', async () => {
    const { logProbs = [] } =
      (
        await score({ id: 's', input: { kind: 'raw', text: 'The tea is' }, continuations: [' hot', ' cold'] })
      ).get('s') ?? {}
    // Both begin with a space, which therefore belongs to the context.
    expectClose(logProbs[0], scoreByFormula(byteTokenizer.encode('The tea is '), byteTokenizer.encode('hot')))
    expectClose(
      logProbs[1],
      scoreByFormula(byteTokenizer.encode('The tea is '), byteTokenizer.encode('cold')),
    )
  })

  test('computes only the context for continuations of one token', async () => {
    const prompt = encodeChat(input.kind === 'chat' ? input.messages : [])
    await score({ id: 's', input, continuations: ['1', '2', '3', '4', '5'] })
    expect(engines[0]?.computed).toBe(prompt.length)
  })

  test('does not change later completions', async () => {
    const before = (await one(makeRequest('a'))).text
    await score({ id: 's', input, continuations: ['yes', 'no'] })
    expect((await one(makeRequest('b'))).text).toBe(before)
  })

  test('refuses rows that do not fit the context or are empty, and scores the others', async () => {
    const results = await score(
      { id: 'long', input: { kind: 'raw', text: 'x'.repeat(300) }, continuations: ['a', 'b'] },
      {
        id: 'chat',
        input: { kind: 'chat', messages: [{ role: 'user', content: 'x'.repeat(250) }] },
        continuations: ['a'.repeat(9), 'b'],
      },
      { id: 'none', input, continuations: ['', 'b'] },
      { id: 'good', input, continuations: ['a', 'b'] },
    )
    expect(results.get('long')?.refusal).toMatch(/have 301 tokens, but the context length is 256/)
    expect(results.get('chat')?.refusal).toMatch(/have 261 tokens, but the context length is 256/)
    expect(results.get('none')?.refusal).toMatch(/An empty text cannot be scored/)
    expect(results.get('good')?.logProbs.length).toBe(2)
  })

  test('rejects with an AbortError when stopped', async () => {
    const stop = new AbortController()
    const scoring = teacher.score(
      [
        { id: 'a', input, continuations: ['a', 'b'] },
        { id: 'b', input, continuations: ['a', 'b'] },
      ],
      { signal: stop.signal, onResult: () => stop.abort(), onProgress: () => undefined },
    )
    await expect(scoring).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('reports a tokenizer that cannot be read and turns off the capabilities that need it', async () => {
  const limited = await loadStandIn([], undefined, {})(request, call)
  expect(limited.description.capabilities).toMatchObject({ chat: true, scores: false, logProbs: 0 })
  expect(limited.description.notes.join(' ')).toMatch(
    /returns no log-probabilities .* because its tokenizer\.json cannot be used here\. It could not be read\.$/,
  )
  await expect(
    limited.score([{ id: 's', input, continuations: ['a'] }], {
      signal: call.signal,
      onResult: () => undefined,
      onProgress: () => undefined,
    }),
  ).rejects.toMatchObject({ name: 'ModelRefused' })
  expect((await completeAll(limited, [makeRequest('a')])).results.get('a')?.text).toBe(
    (await one(makeRequest('a'))).text,
  )
})
