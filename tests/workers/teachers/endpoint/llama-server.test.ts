// A real llama.cpp server with SmolLM2, beside this program's own engine on the same file: the same texts, the same probabilities.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  GREEDY,
  type Asked,
  type CompletionRequest,
  type ScoreRequest,
  type ScoreResult,
} from '../../../../src/domain/model.ts'
import { endpoint, findServed } from '../../../../workers/teachers/openers/endpoint.ts'
import { openGguf } from '../../../../workers/teachers/gguf.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import { openSharedModel } from '../../../engine/shared-model.ts'
import { completeAll, describeTeacherContract } from '../contract.ts'
import { canServe, startLlamaServer, whyNotServed, type RunningServer } from './llama-server.ts'

const signal = new AbortController().signal
const open = (url: string, key?: string): Promise<Teacher> =>
  endpoint.open(
    { kind: 'endpoint', url, model: 'smollm2', ...(key ? { key } : {}) },
    {
      backend: 'wasm',
      contextLength: 2048,
      keep: false,
      signal,
      onProgress: () => undefined,
      letGo: async () => undefined,
    },
  )
const chat = (content: string): Asked => ({ kind: 'chat', messages: [{ role: 'user', content }] })
const QUESTIONS = [
  'What is the capital of France? Answer in one sentence.',
  'Write a short poem about the sea.',
  'How do I boil an egg?',
  'What is 2 + 3?',
]

let server: RunningServer | undefined
let teacher: Teacher
let own: Teacher

describe.skipIf(!canServe)(`a real llama.cpp server${whyNotServed}`, { timeout: 240_000 }, () => {
  beforeAll(async () => {
    server = await startLlamaServer()
    teacher = await open(server.url)
    own = await openGguf(openSharedModel(), {
      backend: 'wasm',
      contextLength: 2048,
      signal,
      onProgress: () => undefined,
    })
  }, 240_000)
  afterAll(async () => {
    await own?.release()
    await server?.stop()
  })

  const ask = (
    id: string,
    asked: Asked,
    rest: Partial<CompletionRequest['sampling']> = {},
  ): CompletionRequest => ({ id, asked, sampling: { ...GREEDY, maxTokens: 24, rngSeed: id, ...rest } })
  const score = async (
    of: Teacher,
    requests: readonly ScoreRequest[],
  ): Promise<ReadonlyMap<string, ScoreResult>> => {
    const results = new Map<string, ScoreResult>()
    await of.score(requests, {
      signal,
      onResult: (result) => results.set(result.id, result),
      onProgress: () => undefined,
    })
    return results
  }

  test('lists its model and says what it gives', async () => {
    expect(await findServed({ url: server?.url ?? '' }, signal)).toMatchObject([
      { id: 'smollm2', owner: 'llamacpp', contextLength: 2048 },
    ])
    expect(teacher.description).toMatchObject({
      backend: 'server',
      batch: 4,
      contextLength: 2048,
      card: { parameters: 134_515_008 },
    })
    expect(teacher.description.gives).toEqual({
      chat: true,
      rawPrompts: true,
      scores: true,
      traces: false,
      logProbs: 20,
      sampling: ['topP', 'topK', 'minP', 'repetitionPenalty'],
      seeded: true,
      formats: ['json-schema', 'grammar'],
    })
    expect(teacher.description.notes).toHaveLength(1)
  })

  test('writes greedily what the engine here writes from the same file, eight rows at once', async () => {
    const requests = [
      ...QUESTIONS.map((question, i) => ask(`chat ${i}`, chat(question))),
      ...QUESTIONS.map((text, i) => ask(`raw ${i}`, { kind: 'raw', text })),
    ]
    const theirs = (await completeAll(teacher, requests)).results
    const ours = (await completeAll(own, requests)).results
    for (const { id } of requests) {
      expect(theirs.get(id)?.text, id).toBe(ours.get(id)?.text)
      expect(theirs.get(id)?.promptTokens, id).toBe(ours.get(id)?.promptTokens)
    }
  })

  // With four-bit weights llama.cpp rounds what they are multiplied with to eight bits, and the engine here does not: probabilities differ
  // in their second digit, and improbable texts by more in their logs. With weights in floats (RETORT_LLAMA_MODEL) logs differ by about a hundredth.
  test('scores what the engine here scores: verdicts, words, raw texts', async () => {
    const requests: ScoreRequest[] = [
      {
        id: 'verdict',
        asked: chat('Rate this answer from 1 to 5: “Paris is the capital of France.”'),
        answerPrefix: 'Score:',
        continuations: [' 1', ' 2', ' 3', ' 4', ' 5'],
      },
      {
        id: 'pair',
        asked: chat('Which is better, A or B?'),
        answerPrefix: 'Better:',
        continuations: [' A', ' B'],
      },
      {
        id: 'words',
        asked: chat(QUESTIONS[0] ?? ''),
        continuations: ['The capital of France', 'Paris', 'I do not know', 'zebra xylophone'],
      },
      {
        id: 'raw',
        asked: { kind: 'raw', text: 'Once upon a' },
        continuations: [' time', ' midnight dreary', ' big dog'],
      },
      {
        id: 'angle',
        asked: { kind: 'raw', text: 'Not special: <|im_start|>' },
        continuations: [' yes', ' no'],
      },
    ]
    const [theirs, ours] = [await score(teacher, requests), await score(own, requests)]
    let [inLog, inProbability] = [0, 0]
    for (const { id } of requests) {
      const [a, b] = [theirs.get(id)?.logProbs ?? [], ours.get(id)?.logProbs ?? []]
      expect(a.length, id).toBe(b.length)
      for (const [i, log] of a.entries()) {
        inLog = Math.max(inLog, Math.abs(log - (b[i] ?? NaN)))
        inProbability = Math.max(inProbability, Math.abs(Math.exp(log) - Math.exp(b[i] ?? NaN)))
      }
    }
    console.info(
      `llama.cpp and the engine: continuations differ by ${inProbability.toExponential(1)} in probability and ${inLog.toExponential(1)} in its log at most`,
    )
    expect(inProbability).toBeLessThanOrEqual(0.05)
    if (teacher.description.card.quantisation === 'F32') expect(inLog).toBeLessThanOrEqual(0.05)
  })

  test('scores of a text are those that it tells while it writes it', async () => {
    const asked = chat(QUESTIONS[0] ?? '')
    const { text = '', logProbs = [] } =
      (await completeAll(teacher, [{ ...ask('written', asked, { maxTokens: 6 }), logProbs: 1 }])).results.get(
        'written',
      ) ?? {}
    expect(text).not.toBe('')
    const written = logProbs.reduce((sum, { logProb }) => sum + logProb, 0)
    const [scored = NaN] =
      (await score(teacher, [{ id: 'scored', asked, continuations: [text, 'zebra'] }])).get('scored')
        ?.logProbs ?? []
    expect(Math.abs(scored - written)).toBeLessThanOrEqual(0.02)
  })

  test('heeds cuts of sampling: a hot draw of the one likeliest token is the greedy text', async () => {
    const { results } = await completeAll(teacher, [
      ask('greedy', chat('Tell me a story.')),
      ask('k', chat('Tell me a story.'), { temperature: 2, topK: 1 }),
      ask('p', chat('Tell me a story.'), { temperature: 2, minP: 1 }),
      ask('hot', chat('Tell me a story.'), { temperature: 2 }),
    ])
    expect(results.get('k')?.text).toBe(results.get('greedy')?.text)
    expect(results.get('p')?.text).toBe(results.get('greedy')?.text)
    expect(results.get('hot')?.text).not.toBe(results.get('greedy')?.text)
  })

  test('eight stop texts cut, though the protocol takes four', async () => {
    const free =
      (await completeAll(teacher, [ask('free', chat('Tell me a story.'))])).results.get('free')?.text ?? ''
    const stop = free.slice(10, 14)
    const cut = (
      await completeAll(teacher, [
        ask('cut', chat('Tell me a story.'), {
          stop: ['qqq', 'qqw', 'qqe', 'qqr', 'qqt', 'qqy', 'qqu', stop],
        }),
      ])
    ).results.get('cut')
    expect(cut).toMatchObject({ text: free.slice(0, free.indexOf(stop)), ending: 'end' })
  })

  test('that goes away in the middle ends the call with a sentence and keeps what was finished', async () => {
    const other = await startLlamaServer()
    const there = await open(other.url)
    const told: string[] = []
    const requests = Array.from({ length: 12 }, (_, i) =>
      ask(`row ${i}`, chat(`Count to ${i + 5}.`), { maxTokens: 20 + 20 * i }),
    )
    const call = there.complete(requests, {
      signal,
      onResult: ({ id }) => (told.push(id), told.length === 2 ? void other.stop() : undefined),
      onProgress: () => undefined,
    })
    await expect(call).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(/^Nothing at 127\.0\.0\.1:\d+ answered.*What was finished is kept\.$/),
    })
    expect(told.length).toBeGreaterThanOrEqual(2)
    expect(told.length).toBeLessThan(12)
  })

  test('with a key lets in who has it, and nobody else', async () => {
    const locked = await startLlamaServer({ key: 'open sesame' })
    try {
      const welcome = await open(locked.url, 'open sesame')
      expect((await completeAll(welcome, [ask('in', chat('Hi'))])).results.get('in')?.refusal).toBeUndefined()
      await expect(open(locked.url, 'wrong')).rejects.toMatchObject({
        name: 'ModelRefused',
        message: expect.stringMatching(/does not accept the key \(401\)/),
      })
    } finally {
      await locked.stop()
    }
  })
})

describe.skipIf(!canServe)(`the contract${whyNotServed}`, () => {
  let running: RunningServer | undefined
  afterAll(() => running?.stop())
  describeTeacherContract(
    'a model of a llama.cpp server',
    async () => {
      running = await startLlamaServer()
      return open(running.url)
    },
    { tolerance: 0.05 },
  )
})
