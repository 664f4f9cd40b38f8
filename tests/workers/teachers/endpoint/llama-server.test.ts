// A real llama.cpp server with SmolLM2, compared with this program's own engine on the same file: the same texts, the same probabilities.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  PromptInput,
  CompletionRequest,
  ScoreRequest,
  ScoreResult,
} from '../../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../../src/domain/sampling.ts'
import { findServedModels } from '../../../../workers/teachers/endpoint/inspect-server.ts'
import { endpoint } from '../../../../workers/teachers/openers/endpoint.ts'
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
      unloadPrevious: async () => undefined,
    },
  )
const chat = (content: string): PromptInput => ({ kind: 'chat', messages: [{ role: 'user', content }] })
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

  const makeRequest = (
    id: string,
    input: PromptInput,
    rest: Partial<CompletionRequest['sampling']> = {},
  ): CompletionRequest => ({ id, input, sampling: { ...GREEDY, maxTokens: 24, rngSeed: id, ...rest } })
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

  test('lists its model and describes its capabilities', async () => {
    expect((await findServedModels({ url: server?.url ?? '' }, signal)).models).toMatchObject([
      { id: 'smollm2', owner: 'llamacpp', contextLength: 2048 },
    ])
    expect(teacher.description).toMatchObject({
      backend: 'server',
      batch: 4,
      contextLength: 2048,
      card: { parameters: 134_515_008 },
    })
    expect(teacher.description.capabilities).toEqual({
      chat: true,
      rawPrompts: true,
      scores: true,
      embeddings: false,
      softTargets: false,
      logProbs: 20,
      sampling: ['topP', 'topK', 'minP', 'repetitionPenalty'],
      seeded: true,
      outputFormats: ['json-schema', 'grammar'],
    })
    expect(teacher.description.notes).toHaveLength(1)
  })

  test('generates the same greedy texts as the engine from the same file, eight rows at once', async () => {
    const requests = [
      ...QUESTIONS.map((question, i) => makeRequest(`chat ${i}`, chat(question))),
      ...QUESTIONS.map((text, i) => makeRequest(`raw ${i}`, { kind: 'raw', text })),
    ]
    const theirs = (await completeAll(teacher, requests)).results
    const ours = (await completeAll(own, requests)).results
    for (const { id } of requests) {
      expect(theirs.get(id)?.text, id).toBe(ours.get(id)?.text)
      expect(theirs.get(id)?.promptTokens, id).toBe(ours.get(id)?.promptTokens)
    }
  })

  // With four-bit weights llama.cpp rounds activations to eight bits, which the engine does not: probabilities differ in their second digit,
  // and log-probabilities of improbable texts by more. With float weights (RETORT_LLAMA_MODEL) they differ by about a hundredth.
  test('scores verdicts, words and raw texts as the engine does', async () => {
    const requests: ScoreRequest[] = [
      {
        id: 'verdict',
        input: chat('Rate this answer from 1 to 5: “Paris is the capital of France.”'),
        answerPrefix: 'Score:',
        continuations: [' 1', ' 2', ' 3', ' 4', ' 5'],
      },
      {
        id: 'pair',
        input: chat('Which is better, A or B?'),
        answerPrefix: 'Better:',
        continuations: [' A', ' B'],
      },
      {
        id: 'words',
        input: chat(QUESTIONS[0] ?? ''),
        continuations: ['The capital of France', 'Paris', 'I do not know', 'zebra xylophone'],
      },
      {
        id: 'raw',
        input: { kind: 'raw', text: 'Once upon a' },
        continuations: [' time', ' midnight dreary', ' big dog'],
      },
      {
        id: 'angle',
        input: { kind: 'raw', text: 'Not special: <|im_start|>' },
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
      `llama.cpp and the engine: continuations differ by up to ${inProbability.toExponential(1)} in probability and ${inLog.toExponential(1)} in its log`,
    )
    expect(inProbability).toBeLessThanOrEqual(0.05)
    if (teacher.description.card.quantisation === 'F32') expect(inLog).toBeLessThanOrEqual(0.05)
  })

  test('scores a text as it did while generating it', async () => {
    const input = chat(QUESTIONS[0] ?? '')
    const { text = '', logProbs = [] } =
      (
        await completeAll(teacher, [{ ...makeRequest('generated', input, { maxTokens: 6 }), logProbs: 1 }])
      ).results.get('generated') ?? {}
    expect(text).not.toBe('')
    const generated = logProbs.reduce((sum, { logProb }) => sum + logProb, 0)
    const [scored = NaN] =
      (await score(teacher, [{ id: 'scored', input, continuations: [text, 'zebra'] }])).get('scored')
        ?.logProbs ?? []
    expect(Math.abs(scored - generated)).toBeLessThanOrEqual(0.02)
  })

  test('supports top-k and min-p: a hot sample of the most likely token is the greedy text', async () => {
    const { results } = await completeAll(teacher, [
      makeRequest('greedy', chat('Write a story.')),
      makeRequest('k', chat('Write a story.'), { temperature: 2, topK: 1 }),
      makeRequest('p', chat('Write a story.'), { temperature: 2, minP: 1 }),
      makeRequest('hot', chat('Write a story.'), { temperature: 2 }),
    ])
    expect(results.get('k')?.text).toBe(results.get('greedy')?.text)
    expect(results.get('p')?.text).toBe(results.get('greedy')?.text)
    expect(results.get('hot')?.text).not.toBe(results.get('greedy')?.text)
  })

  test('cuts at eight stop texts, though the protocol allows four', async () => {
    const free =
      (await completeAll(teacher, [makeRequest('free', chat('Write a story.'))])).results.get('free')?.text ??
      ''
    const stop = free.slice(10, 14)
    const cut = (
      await completeAll(teacher, [
        makeRequest('cut', chat('Write a story.'), {
          stop: ['qqq', 'qqw', 'qqe', 'qqr', 'qqt', 'qqy', 'qqu', stop],
        }),
      ])
    ).results.get('cut')
    expect(cut).toMatchObject({ text: free.slice(0, free.indexOf(stop)), finishReason: 'end' })
  })

  test('ends the call with a sentence if the server disappears, and keeps reported results', async () => {
    const other = await startLlamaServer()
    const otherTeacher = await open(other.url)
    const reported: string[] = []
    const requests = Array.from({ length: 12 }, (_, i) =>
      makeRequest(`row ${i}`, chat(`Count to ${i + 5}.`), { maxTokens: 20 + 20 * i }),
    )
    const call = otherTeacher.complete(requests, {
      signal,
      onResult: ({ id }) => (reported.push(id), reported.length === 2 ? void other.stop() : undefined),
      onProgress: () => undefined,
    })
    await expect(call).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ did not respond.*Finished results are kept\.$/),
    })
    expect(reported.length).toBeGreaterThanOrEqual(2)
    expect(reported.length).toBeLessThan(12)
  })

  test('accepts requests only with its key', async () => {
    const protectedServer = await startLlamaServer({ key: 'open sesame' })
    try {
      const accepted = await open(protectedServer.url, 'open sesame')
      expect(
        (await completeAll(accepted, [makeRequest('in', chat('Hi'))])).results.get('in')?.refusal,
      ).toBeUndefined()
      await expect(open(protectedServer.url, 'wrong')).rejects.toMatchObject({
        name: 'ModelRefused',
        message: expect.stringMatching(/does not accept the key \(401\)/),
      })
    } finally {
      await protectedServer.stop()
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
