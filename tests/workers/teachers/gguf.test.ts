// The adapter of GGUF files, with a real shared model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CompletionResult, ScoreResult } from '../../../src/domain/completion-request.ts'
import type { Sampling } from '../../../src/domain/sampling.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { hasSharedModel, openSharedModel, whySkipped } from '../../engine/shared-model.ts'

describe.skipIf(!hasSharedModel)(`SmolLM2 as a teacher${whySkipped}`, () => {
  let teacher: EngineTeacher
  beforeAll(async () => {
    teacher = await openGguf(openSharedModel(), {
      backend: 'wasm',
      contextLength: 512,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  }, 120_000)
  afterAll(() => teacher.release())

  const greedy: Sampling = { ...GREEDY, maxTokens: 24, rngSeed: 'test' }
  const hooks = <T>(results: T[]) => ({
    signal: new AbortController().signal,
    onResult: (result: T) => void results.push(result),
    onProgress: () => undefined,
  })

  test('describes its model and its capabilities', () => {
    expect(teacher.description.card).toMatchObject({
      architecture: 'llama',
      quantisation: 'Q4_1',
      contextLength: 8192,
      vocabularySize: 49152,
      layers: 30,
      width: 576,
      hasChatTemplate: true,
    })
    expect(teacher.description.card.parameters).toBe(134_515_008)
    expect(teacher.description.capabilities).toMatchObject({
      chat: true,
      rawPrompts: true,
      scores: true,
      embeddings: true,
      softTargets: true,
      seeded: true,
    })
  })

  test('generates the same answers in a batch as alone, and ends them by itself', async () => {
    const questions = [
      'What is the capital of France? Answer in one sentence.',
      'What is the capital of Italy? Answer in one sentence.',
      'Say hello.',
    ]
    const requests = questions.map((content, i) => ({
      id: `q${i}`,
      input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
      sampling: greedy,
    }))
    const batched: CompletionResult[] = []
    await teacher.complete(requests, hooks(batched))
    expect(batched.find(({ id }) => id === 'q0')).toMatchObject({
      text: 'The capital of France is Paris.',
      finishReason: 'end',
    })
    for (const request of requests) {
      const alone: CompletionResult[] = []
      await teacher.complete([request], hooks(alone))
      expect(batched.find(({ id }) => id === request.id)).toEqual(alone[0])
    }
  }, 120_000)

  test('scores continuations so that a verdict can be read', async () => {
    const results: ScoreResult[] = []
    const makeRequest = (content: string, continuations: string[]) => ({
      id: content,
      input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
      answerPrefix: 'The answer is',
      continuations,
    })
    await teacher.score(
      [
        makeRequest('Which city is the capital of France, Paris or Madrid?', [' Paris', ' Madrid']),
        makeRequest('Rate 1 to 5.', [' 1', ' 2', ' 3', ' 4', ' 5']),
      ],
      hooks(results),
    )
    const [paris, madrid] = results.find(({ id }) => id.startsWith('Which'))?.logProbs ?? []
    expect(paris ?? Number.NaN).toBeGreaterThan(madrid ?? Number.NaN)
    const digits = results.find(({ id }) => id.startsWith('Rate'))?.logProbs ?? []
    expect(digits.length).toBe(5)
    expect(digits.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeLessThanOrEqual(1 + 1e-6)
  }, 60_000)

  test('refuses only the prompt that is too long', async () => {
    const results: CompletionResult[] = []
    const raw = (text: string) => ({ kind: 'raw' as const, text })
    await teacher.complete(
      [
        { id: 'long', input: raw('word '.repeat(600)), sampling: greedy },
        { id: 'short', input: raw('One, two, three,'), sampling: { ...greedy, maxTokens: 3 } },
      ],
      hooks(results),
    )
    expect(results.find(({ id }) => id === 'long')?.refusal).toMatch(/tokens, but the context length is 512/)
    expect(results.find(({ id }) => id === 'short')?.text).toMatch(/four/)
  }, 60_000)
})
