// The adapter of GGUF files, with the real model beside the project.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CompletionResult, Sampling, ScoreResult } from '../../../src/domain/model.ts'
import { GREEDY } from '../../../src/domain/model.ts'
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

  test('says what it is and what it can give', () => {
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
    expect(teacher.description.gives).toMatchObject({
      chat: true,
      rawPrompts: true,
      scores: true,
      traces: true,
      seeded: true,
    })
  })

  test('answers in a batch what it answers alone, and stops by itself', async () => {
    const questions = [
      'What is the capital of France? Answer in one sentence.',
      'What is the capital of Italy? Answer in one sentence.',
      'Say hello.',
    ]
    const requests = questions.map((content, i) => ({
      id: `q${i}`,
      asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
      sampling: greedy,
    }))
    const together: CompletionResult[] = []
    await teacher.complete(requests, hooks(together))
    expect(together.find(({ id }) => id === 'q0')).toMatchObject({
      text: 'The capital of France is Paris.',
      ending: 'end',
    })
    for (const request of requests) {
      const alone: CompletionResult[] = []
      await teacher.complete([request], hooks(alone))
      expect(together.find(({ id }) => id === request.id)).toEqual(alone[0])
    }
  }, 120_000)

  test('reads a verdict from the probabilities of continuations', async () => {
    const results: ScoreResult[] = []
    const ask = (content: string, continuations: string[]) => ({
      id: content,
      asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
      answerPrefix: 'The answer is',
      continuations,
    })
    await teacher.score(
      [
        ask('Which city is the capital of France, Paris or Madrid?', [' Paris', ' Madrid']),
        ask('Rate 1 to 5.', [' 1', ' 2', ' 3', ' 4', ' 5']),
      ],
      hooks(results),
    )
    const [paris, madrid] = results.find(({ id }) => id.startsWith('Which'))?.logProbs ?? []
    expect(paris ?? Number.NaN).toBeGreaterThan(madrid ?? Number.NaN)
    const digits = results.find(({ id }) => id.startsWith('Rate'))?.logProbs ?? []
    expect(digits.length).toBe(5)
    expect(digits.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeLessThanOrEqual(1 + 1e-6)
  }, 60_000)

  test('a prompt that is too long is refused alone; the others are answered', async () => {
    const results: CompletionResult[] = []
    const asked = (text: string) => ({ kind: 'raw' as const, text })
    await teacher.complete(
      [
        { id: 'long', asked: asked('word '.repeat(600)), sampling: greedy },
        { id: 'short', asked: asked('One, two, three,'), sampling: { ...greedy, maxTokens: 3 } },
      ],
      hooks(results),
    )
    expect(results.find(({ id }) => id === 'long')?.refusal).toMatch(/tokens, and the context holds 512/)
    expect(results.find(({ id }) => id === 'short')?.text).toMatch(/four/)
  }, 60_000)
})
