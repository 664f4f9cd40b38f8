// Knows: the contract of every teacher, whatever runs it; each adapter's own test passes an open teacher.
// Must not know: any one adapter. A capability that a teacher lacks must be refused with a sentence, which is tested too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  PromptInput,
  CompletionRequest,
  CompletionResult,
  EmbedResult,
  ScoreRequest,
  ScoreResult,
} from '../../../src/domain/completion-request.ts'
import { GREEDY, type Sampling } from '../../../src/domain/sampling.ts'
import type { GenerationProgress } from '../../../src/engine/generation/generator.ts'
import { fromHalves } from '../../../src/engine/weights/half.ts'
import type { Teacher } from '../../../workers/teachers/teacher.ts'

export interface ContractOptions {
  /** The prompt; its greedy answer must have at least eight tokens and must not repeat one letter. Default: a short text, as a chat if chats are supported. */
  readonly input?: PromptInput
  /** Longer than the context. Default: as many words as twice the context length. */
  readonly tooLong?: PromptInput
  /** Texts of which none is a prefix of another. */
  readonly continuations?: readonly string[]
  /** A temperature at which eight seeds do not all generate the same text. Default 1. */
  readonly temperature?: number
  /** Max difference of two log-probabilities of the same text: servers with several slots compute in varying orders. Default 1e-3. */
  readonly tolerance?: number
  /** Milliseconds of one test. Default 60,000. */
  readonly timeout?: number
}

const SENTENCE = /^\S.{8,}[.!?]$/s

/** Completes the requests and collects the results; fails for a result that is reported twice or was not requested. */
export async function completeAll(
  teacher: Teacher,
  requests: readonly CompletionRequest[],
  {
    signal = new AbortController().signal,
    onStarted,
  }: { readonly signal?: AbortSignal; readonly onStarted?: () => void } = {},
): Promise<{
  readonly results: ReadonlyMap<string, CompletionResult>
  readonly progress: GenerationProgress
}> {
  const results = new Map<string, CompletionResult>()
  const reported: string[] = []
  const progress = await teacher.complete(requests, {
    signal,
    onResult: (result) => {
      reported.push(result.id)
      results.set(result.id, result)
      if (result.refusal === undefined) onStarted?.()
    },
    onProgress: ({ newTokens }) => newTokens > 0 && onStarted?.(),
    onPartial: () => onStarted?.(),
  })
  // Checked at the end: through a channel, an error thrown in a callback would be lost.
  expect(reported.length).toBe(results.size)
  expect(reported.filter((id) => !requests.some((request) => request.id === id))).toEqual([])
  return { results, progress }
}

async function scoreAll(
  teacher: Teacher,
  requests: readonly ScoreRequest[],
): Promise<ReadonlyMap<string, ScoreResult>> {
  const results = new Map<string, ScoreResult>()
  await teacher.score(requests, {
    signal: new AbortController().signal,
    onResult: (result) => results.set(result.id, result),
    onProgress: () => undefined,
  })
  return results
}

/** `openTeacher` is called once. */
export function describeTeacherContract(
  name: string,
  openTeacher: () => Promise<Teacher>,
  { temperature = 1, tolerance = 1e-3, timeout = 60_000, ...options }: ContractOptions = {},
): void {
  describe(`${name}, as a teacher`, { timeout }, () => {
    let opened: Teacher | undefined
    let teacher: Teacher
    let input: PromptInput
    beforeAll(async () => {
      opened = await openTeacher()
      teacher = opened
      input = options.input ?? makeInput('Name three things that one finds at a market.')
    }, 180_000)
    afterAll(() => opened?.release(), timeout)

    const makeInput = (text: string): PromptInput =>
      teacher.description.capabilities.chat
        ? { kind: 'chat', messages: [{ role: 'user', content: text }] }
        : { kind: 'raw', text }
    const makeRequest = (
      id: string,
      sampling: Partial<Sampling> = {},
      rest: Partial<CompletionRequest> = {},
    ): CompletionRequest => ({
      id,
      input,
      sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
      ...rest,
    })
    const one = async (request: CompletionRequest): Promise<CompletionResult> => {
      const result = (await completeAll(teacher, [request])).results.get(request.id)
      if (result === undefined) throw new Error('The row has no result.')
      return result
    }
    const expectRefusal = async (request: CompletionRequest): Promise<void> => {
      expect(await one(request)).toMatchObject({
        id: request.id,
        text: '',
        finishReason: 'aborted',
        tokens: 0,
        refusal: expect.stringMatching(SENTENCE),
      })
    }

    test('describes its model and its capabilities', () => {
      const { card, contextLength, batch, threads, capabilities, notes } = teacher.description
      expect(card.name).not.toBe('')
      expect(card.fingerprint).toMatch(/^[0-9a-f]{16}$/)
      for (const count of [contextLength, batch, threads])
        expect(Number.isInteger(count) && count >= 1, `${count}`).toBe(true)
      expect(capabilities.chat || capabilities.rawPrompts).toBe(true)
      expect(Number.isInteger(capabilities.logProbs) && capabilities.logProbs >= 0).toBe(true)
      expect(teacher.ownTokens !== undefined).toBe(capabilities.softTargets)
      for (const note of notes) expect(note).toMatch(SENTENCE)
    })

    test('completes many requests and reports each result once by its id', async () => {
      const requests = Array.from({ length: 5 }, (_, i) => makeRequest(`row ${i}`, { maxTokens: 2 + i }))
      const { results, progress } = await completeAll(teacher, requests)
      expect([...results.keys()].toSorted()).toEqual(requests.map(({ id }) => id))
      for (const { sampling, id } of requests) {
        const result = results.get(id)
        expect(result?.refusal).toBeUndefined()
        expect(result?.tokens).toBeLessThanOrEqual(sampling.maxTokens)
        expect(result?.promptTokens).toBeGreaterThan(0)
        expect(['end', 'length']).toContain(result?.finishReason)
      }
      expect(progress.newTokens).toBeGreaterThan(0)
    })

    test('embeds texts as vectors of length 1, the same alone and together, if it says that it can', async () => {
      const { embed, description } = teacher
      expect(embed !== undefined).toBe(description.capabilities.embeddings)
      if (embed === undefined) return
      const embedAll = async (texts: readonly string[]): Promise<ReadonlyMap<string, EmbedResult>> => {
        const results = new Map<string, EmbedResult>()
        await embed(
          texts.map((text, i) => ({ id: `${i}`, text })),
          {
            signal: new AbortController().signal,
            onResult: (result) => results.set(result.id, result),
            onProgress: () => undefined,
          },
        )
        return results
      }
      const texts = ['A lamp came broken.', 'Bread', 'A lamp came broken.', '', 'word '.repeat(3000)]
      const together = await embedAll(texts)
      expect(together.size).toBe(texts.length)
      const vectorOf = (results: ReadonlyMap<string, EmbedResult>, i: number): Float32Array =>
        fromHalves(results.get(`${i}`)?.vector ?? new Uint16Array(0))
      const dot = (a: Float32Array, b: Float32Array): number =>
        a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)
      for (const i of [0, 1, 2, 4])
        expect(Math.abs(dot(vectorOf(together, i), vectorOf(together, i)) - 1)).toBeLessThan(0.01)
      expect(dot(vectorOf(together, 0), vectorOf(together, 2))).toBeGreaterThan(0.999)
      expect(dot(vectorOf(together, 0), vectorOf(together, 1))).toBeLessThan(0.9999)
      const alone = await embedAll(texts.slice(1, 2))
      expect(dot(vectorOf(alone, 0), vectorOf(together, 1))).toBeGreaterThan(0.999)
      expect(together.get('4')?.cut).toBe(true)
      // A text of no tokens has no meaning, unless the model adds tokens of its own.
      const empty = together.get('3')
      if (empty?.vector.length === 0) expect(empty.refusal).toMatch(SENTENCE)
      const aborted = new AbortController()
      aborted.abort()
      await expect(
        embed([{ id: 'a', text: 'Bread' }], {
          signal: aborted.signal,
          onResult: () => undefined,
          onProgress: () => undefined,
        }),
      ).rejects.toMatchObject({ name: 'AbortError' })
    })

    test('ends at once without requests', async () => {
      const { results, progress } = await completeAll(teacher, [])
      expect([results.size, progress.newTokens]).toEqual([0, 0])
    })

    test('finishes with reason length after exactly max tokens', async () => {
      expect(await one(makeRequest('short', { maxTokens: 3 }))).toMatchObject({
        finishReason: 'length',
        tokens: 3,
      })
    })

    test('repeats a greedy answer whatever the seed', async () => {
      const first = await one(makeRequest('first'))
      expect(first.text).not.toBe('')
      expect((await one(makeRequest('second'))).text).toBe(first.text)
    })

    test('samples differently with other seeds, and repeats a seed’s text if it is seeded', async () => {
      const sampleSeeds = (ids: readonly string[]) =>
        completeAll(
          teacher,
          ids.map((id) => makeRequest(id, { temperature, maxTokens: 12 })),
        )
      const ids = Array.from({ length: 8 }, (_, i) => `seed ${i}`)
      const { results } = await sampleSeeds(ids)
      expect(new Set([...results.values()].map(({ text }) => text)).size).toBeGreaterThan(1)
      if (!teacher.description.capabilities.seeded) return
      const again = (await sampleSeeds(ids.slice(2, 5).toReversed())).results
      for (const [id, { text }] of again) expect(text).toBe(results.get(id)?.text)
    })

    test('ends an answer before a stop text', async () => {
      const free = (await one(makeRequest('free', { maxTokens: 16 }))).text
      const middle = Math.floor(free.length / 2)
      const stop = free.slice(middle, middle + 2)
      expect(stop.length).toBe(2)
      expect(
        await one(makeRequest('stopped', { maxTokens: 16, stop: ['never generated', stop] })),
      ).toMatchObject({
        text: free.slice(0, free.indexOf(stop)),
        finishReason: 'end',
      })
    })

    test('reports rows in progress as aborted when stopped, and serves the next request', async () => {
      const stop = new AbortController()
      const requests = Array.from({ length: teacher.description.batch + 2 }, (_, i) =>
        makeRequest(`long ${i}`, {
          maxTokens: Math.min(200, Math.floor(teacher.description.contextLength / 2)),
          temperature,
          rngSeed: `${i}`,
        }),
      )
      const { results } = await completeAll(teacher, requests, {
        signal: stop.signal,
        onStarted: () => stop.abort(),
      })
      const finishReasons = [...results.values()].map(({ finishReason }) => finishReason)
      expect(finishReasons).toContain('aborted')
      for (const { finishReason, refusal } of results.values())
        if (finishReason === 'aborted') expect(refusal).toBeUndefined()
      expect((await one(makeRequest('after'))).finishReason).not.toBe('aborted')
    })

    test('generates nothing if the signal is aborted before the call', async () => {
      const { results, progress } = await completeAll(teacher, [makeRequest('late')], {
        signal: AbortSignal.abort(),
      })
      expect(
        [...results.values()].every(({ finishReason, text }) => finishReason === 'aborted' && text === ''),
      ).toBe(true)
      expect(progress.newTokens).toBe(0)
    })

    test('refuses a prompt that is too long with a sentence and completes the other rows', async () => {
      const tooLong = options.tooLong ?? makeInput('word '.repeat(2 * teacher.description.contextLength))
      const { results } = await completeAll(teacher, [
        makeRequest('before'),
        { ...makeRequest('too long'), input: tooLong },
        makeRequest('following'),
      ])
      expect(results.get('too long')).toMatchObject({
        text: '',
        finishReason: 'aborted',
        refusal: expect.stringMatching(SENTENCE),
      })
      for (const id of ['before', 'following'])
        expect(results.get(id)).toMatchObject({
          tokens: expect.any(Number),
          finishReason: expect.stringMatching(/end|length/),
        })
    })

    test('completes two concurrent calls', async () => {
      const [left, right] = await Promise.all([
        completeAll(teacher, [makeRequest('l 1'), makeRequest('l 2')]),
        completeAll(teacher, [makeRequest('r 1'), makeRequest('r 2')]),
      ])
      expect(left.results.get('l 1')?.text).toBe(right.results.get('r 2')?.text)
      expect([left.results.size, right.results.size]).toEqual([2, 2])
    })

    test('answers chats and raw prompts if they are supported, and refuses them with a sentence otherwise', async () => {
      const { chat, rawPrompts } = teacher.description.capabilities
      const chatRequest = {
        ...makeRequest('chat'),
        input: { kind: 'chat', messages: [{ role: 'user', content: 'Good morning.' }] },
      } as const
      const raw = { ...makeRequest('raw'), input: { kind: 'raw', text: 'Once upon a time' } } as const
      if (chat) expect((await one(chatRequest)).refusal).toBeUndefined()
      else await expectRefusal(chatRequest)
      if (rawPrompts) expect((await one(raw)).refusal).toBeUndefined()
      else await expectRefusal(raw)
    })

    test('returns up to its supported number of top-k log-probabilities per token, and refuses more', async () => {
      const supported = teacher.description.capabilities.logProbs
      await expectRefusal(makeRequest('more', {}, { logProbs: supported + 1 }))
      expect((await one(makeRequest('none'))).logProbs).toBeUndefined()
      if (supported === 0) return
      const topK = Math.min(3, supported)
      const { logProbs, tokens } = await one(makeRequest('some', { maxTokens: 6 }, { logProbs: topK }))
      expect(logProbs?.length).toBe(tokens)
      for (const { logProb, top, restProbability } of logProbs ?? []) {
        const sorted = top.map((token) => token.logProb)
        expect(sorted.length).toBe(topK)
        expect(sorted).toEqual(sorted.toSorted((a, b) => b - a))
        // Greedy: the generated token is the most likely one.
        expect(Math.abs(logProb - (sorted[0] ?? NaN))).toBeLessThanOrEqual(tolerance)
        expect(logProb).toBeLessThanOrEqual(tolerance)
        expect(restProbability >= 0 && restProbability <= 1, `${restProbability}`).toBe(true)
        expect(
          Math.abs(sorted.reduce((sum, value) => sum + Math.exp(value), restProbability) - 1),
        ).toBeLessThanOrEqual(0.01)
      }
    })

    test('follows output formats that it supports, and refuses others with a sentence', async () => {
      const { outputFormats: formats } = teacher.description.capabilities
      const schema = makeRequest(
        'schema',
        { maxTokens: 60 },
        {
          format: {
            kind: 'json-schema',
            schema: JSON.stringify({
              type: 'object',
              properties: { good: { type: 'boolean' } },
              required: ['good'],
              additionalProperties: false,
            }),
          },
        },
      )
      const grammar = makeRequest(
        'grammar',
        { maxTokens: 60 },
        { format: { kind: 'grammar', ebnf: 'root ::= "yes" | "no"' } },
      )
      if (!formats.includes('json-schema')) await expectRefusal(schema)
      else expect(JSON.parse((await one(schema)).text)).toEqual({ good: expect.any(Boolean) })
      if (!formats.includes('grammar')) await expectRefusal(grammar)
      else expect((await one(grammar)).text).toMatch(/^(yes|no)$/)
    })

    test('scores continuations as log-probabilities in the requested order, or refuses if it does not support scores', async () => {
      const continuations = options.continuations ?? [' yes', ' no', ' perhaps']
      const request = { id: 'there', input, continuations }
      if (!teacher.description.capabilities.scores)
        return expect(scoreAll(teacher, [request])).rejects.toMatchObject({
          name: 'ModelRefused',
          message: expect.stringMatching(SENTENCE),
        })
      const results = await scoreAll(teacher, [
        request,
        { ...request, id: 'back', continuations: continuations.toReversed() },
        { ...request, id: 'after', answerPrefix: 'Well:' },
      ])
      const there = results.get('there')?.logProbs ?? []
      const back = results.get('back')?.logProbs ?? []
      expect(there.length).toBe(continuations.length)
      for (const result of results.values()) {
        expect(result.refusal).toBeUndefined()
        for (const logProb of result.logProbs) expect(logProb).toBeLessThanOrEqual(tolerance)
        expect(result.logProbs.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeLessThanOrEqual(
          1 + tolerance,
        )
      }
      for (const [i, logProb] of there.entries())
        expect(Math.abs(logProb - (back.at(-1 - i) ?? NaN))).toBeLessThanOrEqual(tolerance)
      expect(results.get('after')?.logProbs).not.toEqual(there)
    })

    test('counts the tokens of texts in order', async () => {
      const [none = NaN, few = NaN, many = NaN] = await teacher.countTokens([
        '',
        'Good morning.',
        'Good morning. '.repeat(20),
      ])
      expect(none).toBeLessThanOrEqual(1)
      expect(few).toBeGreaterThan(none)
      expect(many).toBeGreaterThan(few)
      expect(await teacher.countTokens([])).toEqual([])
    })

    test('can be released twice (the last test)', async () => {
      await teacher.release()
      await teacher.release()
    })
  })
}
