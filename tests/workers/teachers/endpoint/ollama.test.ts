// Models that reason, behind Ollama's protocols: found capable, completed with reasoning kept apart, and scored outside of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type {
  CompletionRequest,
  CompletionResult,
  ScoreResult,
} from '../../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../../src/domain/sampling.ts'
import { findServedModels } from '../../../../workers/teachers/endpoint/inspect-server.ts'
import { endpoint } from '../../../../workers/teachers/openers/endpoint.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import {
  GPT_OSS,
  OllamaServer,
  QWEN,
  R1,
  REASONING_TEXT,
  SMOLLM,
  type OllamaModel,
} from '../../../stand-ins/ollama-server.ts'
import { logProbOf } from '../../../stand-ins/model-server.ts'
import { completeAll } from '../contract.ts'

const signal = new AbortController().signal
let server: OllamaServer
beforeEach(async () => {
  server = new OllamaServer()
  server.models = [SMOLLM, QWEN, GPT_OSS, R1]
  await server.start()
})
afterEach(() => server.stop())

const openAt = (url: string, model: string): Promise<Teacher> =>
  endpoint.open(
    { kind: 'endpoint', url, model },
    {
      backend: 'wasm',
      contextLength: 2048,
      keep: false,
      signal,
      onProgress: () => undefined,
      unloadPrevious: async () => undefined,
    },
  )
const open = ({ name }: OllamaModel): Promise<Teacher> => openAt(`${server.origin}/v1`, name)
const QUESTION = 'What does one find at a market?'
const messages = [{ role: 'user', content: QUESTION }] as const
async function complete(
  teacher: Teacher,
  fields: Partial<CompletionRequest> = {},
  maxTokens = 60,
): Promise<CompletionResult> {
  const request = {
    id: 'row',
    input: { kind: 'chat', messages },
    sampling: { ...GREEDY, maxTokens, rngSeed: '1' },
    ...fields,
  } as const
  const result = (await completeAll(teacher, [request])).results.get('row')
  if (result === undefined) throw new Error('The row has no result.')
  return result
}
const WORDS = [' 1', ' 2', ' 3', ' 4', ' 5']
async function score(teacher: Teacher): Promise<ScoreResult | undefined> {
  const results: ScoreResult[] = []
  await teacher.score(
    [{ id: 's', input: { kind: 'chat', messages }, answerPrefix: 'Score:', continuations: WORDS }],
    {
      signal,
      onResult: (result) => results.push(result),
      onProgress: () => undefined,
    },
  )
  return results[0]
}
const expected = WORDS.map((word) => logProbOf(QUESTION, 'Score:', word))

test('lists models with their tags, and describes one from Ollama’s own endpoints', async () => {
  expect((await findServedModels({ url: `${server.origin}/v1` }, signal)).models.map(({ id }) => id)).toEqual(
    ['smollm2:135m', 'qwen3:0.6b', 'gpt-oss:20b', 'deepseek-r1:1.5b'],
  )
  const { description } = await open(QWEN)
  expect(description.card).toMatchObject({
    architecture: 'qwen3',
    quantisation: 'Q4_K_M',
    contextLength: 40_960,
  })
})

describe('a model that reasons unless it is switched off', () => {
  test('has the capabilities of one that does not', async () => {
    const [plain, reasoning] = [await open(SMOLLM), await open(QWEN)]
    expect(reasoning.description.capabilities).toEqual(plain.description.capabilities)
    expect(plain.description.capabilities).toMatchObject({
      chat: true,
      scores: true,
      logProbs: 20,
      seeded: true,
      outputFormats: ['json-schema'],
    })
    expect(reasoning.description.notes.join(' ')).toMatch(/can reason.*switched off unless/)
    expect(plain.description.notes.join(' ')).not.toMatch(/reason/)
  })

  test('responds at once, or after reasoning that is kept apart', async () => {
    const teacher = await open(QWEN)
    const plain = await complete(teacher)
    expect(plain.reasoning).toBeUndefined()
    expect(plain.text).not.toBe('')
    expect(await complete(teacher, { thinking: true }, 120)).toMatchObject({
      text: expect.stringContaining(plain.text),
      reasoning: REASONING_TEXT,
    })
    expect(await complete(teacher, { thinking: true }, 10)).toMatchObject({
      text: '',
      unfinishedReasoning: true,
      finishReason: 'length',
      tokens: 10,
    })
  })

  test('stop texts count in the response, though the server looks for them in the reasoning', async () => {
    const sampling = { ...GREEDY, maxTokens: 120, rngSeed: '1', stop: [' user'] }
    expect(await complete(await open(QWEN), { thinking: true, sampling })).toMatchObject({
      reasoning: REASONING_TEXT,
    })
  })

  test('scores are those of the response', async () => {
    const { logProbs = [] } = (await score(await open(QWEN))) ?? {}
    expect(logProbs).toHaveLength(5)
    for (const [i, log] of logProbs.entries())
      expect(Math.abs(log - (expected[i] ?? NaN))).toBeLessThanOrEqual(1e-6)
  })

  test('is not switched on where that is refused', async () => {
    const teacher = await open(SMOLLM)
    expect((await complete(teacher, { thinking: true })).refusal).toBeUndefined()
  })
})

describe('a model that always reasons', () => {
  test.each([GPT_OSS, R1])('$name is capable, and its reasoning is kept apart', async (model) => {
    const teacher = await open(model)
    expect(teacher.description.notes.join(' ')).toMatch(/reasons before every response/)
    expect(teacher.description.capabilities).toMatchObject({
      chat: true,
      logProbs: 20,
      outputFormats: ['json-schema'],
    })
    const result = await complete(teacher, {}, 120)
    expect(result).toMatchObject({ reasoning: REASONING_TEXT, text: expect.stringMatching(/^ ?\w/) })
    expect(result.text).not.toMatch(/Okay|think/)
    expect(await complete(teacher, {}, 10)).toMatchObject({ text: '', unfinishedReasoning: true })
  })

  test('a score inside its reasoning is refused, never read', async () => {
    const teacher = await open(GPT_OSS)
    const result = await score(teacher)
    expect(result?.logProbs).toEqual([])
    expect(result?.refusal).toMatch(/reasons before it responds/)
  })
})

describe('Ollama’s own protocol, where there is no other', () => {
  const openOwn = ({ name }: OllamaModel): Promise<Teacher> => {
    server.hasV1 = false
    return openAt(`${server.origin}/api`, name)
  }

  test('has its settings, texts without a template and log-probabilities', async () => {
    const { description } = await openOwn(QWEN)
    expect(description.card).toMatchObject({ architecture: 'qwen3', contextLength: 40_960 })
    expect(description.capabilities).toMatchObject({
      chat: true,
      rawPrompts: true,
      scores: true,
      logProbs: 20,
      sampling: ['topP', 'topK', 'minP', 'repetitionPenalty'],
      seeded: true,
      outputFormats: ['json-schema'],
    })
  })

  test('completes, with reasoning kept apart, and scores', async () => {
    const teacher = await openOwn(QWEN)
    const plain = await complete(teacher)
    expect(plain).toMatchObject({ text: expect.stringMatching(/\S/), promptTokens: expect.any(Number) })
    expect(plain.reasoning).toBeUndefined()
    expect(await complete(teacher, { thinking: true }, 120)).toMatchObject({ reasoning: REASONING_TEXT })
    expect(await complete(teacher, { thinking: true }, 10)).toMatchObject({
      text: '',
      unfinishedReasoning: true,
    })
    const { logProbs = [] } = (await score(teacher)) ?? {}
    for (const [i, log] of logProbs.entries())
      expect(Math.abs(log - (expected[i] ?? NaN))).toBeLessThanOrEqual(1e-6)
    expect(server.requests.every(({ path }) => path.startsWith('/api/'))).toBe(true)
  })

  test('names a model that is gone as Ollama does', async () => {
    const teacher = await openOwn(SMOLLM)
    server.models = [QWEN]
    await expect(complete(teacher)).rejects.toMatchObject({
      message: expect.stringMatching(/404.*model 'smollm2:135m' not found/),
    })
  })
})

test('what reasoning without an end hides is unknown, not missing', async () => {
  const endless = new OllamaServer()
  endless.models = [{ ...GPT_OSS, name: 'endless:1b' }]
  endless.isEndless = true
  endless.hasLogProbs = false
  await endless.start()
  const { description } = await openAt(`${endless.origin}/v1`, 'endless:1b')
  expect(description.notes.join(' ')).toMatch(
    /hid from a short test whether it supports scores.*log-probabilities.*JSON schemas.*Try it/,
  )
  expect(description.capabilities).toMatchObject({ scores: true, outputFormats: ['json-schema', 'grammar'] })
  endless.stop()
})
