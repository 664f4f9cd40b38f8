// Knows: what every teacher must keep, whatever runs it; each adapter's own test gives it one that is open.
// Must not know: any one adapter. What a teacher does not give must be refused with a sentence, and is tested as such.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  GREEDY,
  type Asked,
  type CompletionRequest,
  type CompletionResult,
  type Sampling,
  type ScoreRequest,
  type ScoreResult,
} from '../../../src/domain/model.ts'
import type { Progress } from '../../../src/engine/generation/generator.ts'
import type { Teacher } from '../../../workers/teachers/teacher.ts'

export interface ContractOptions {
  /** What is asked; the greedy answer must have eight tokens at least and not be one letter again and again. Default: a short text, as a chat where chats are given. */
  readonly asked?: Asked
  /** Longer than the context. Default: twice as many words as the context has tokens. */
  readonly tooLong?: Asked
  /** Texts of which none begins another. */
  readonly continuations?: readonly string[]
  /** At which eight seeds do not all write the same. Default 1. */
  readonly temperature?: number
  /** How far apart two log-probabilities of the same may lie: servers with several slots compute in other orders. Default 1e-3. */
  readonly tolerance?: number
  /** Milliseconds of one test. Default 60,000. */
  readonly timeout?: number
}

const SENTENCE = /^\S.{8,}[.!?]$/s

/** Asks and collects; a result that is told twice, or of a row that nobody asked for, fails. */
export async function completeAll(
  teacher: Teacher,
  requests: readonly CompletionRequest[],
  {
    signal = new AbortController().signal,
    onBegun,
  }: { readonly signal?: AbortSignal; readonly onBegun?: () => void } = {},
): Promise<{ readonly results: ReadonlyMap<string, CompletionResult>; readonly progress: Progress }> {
  const results = new Map<string, CompletionResult>()
  const told: string[] = []
  const progress = await teacher.complete(requests, {
    signal,
    onResult: (result) => {
      told.push(result.id)
      results.set(result.id, result)
      if (result.refusal === undefined) onBegun?.()
    },
    onProgress: ({ newTokens }) => newTokens > 0 && onBegun?.(),
    onPartial: () => onBegun?.(),
  })
  // Behind a channel nobody would hear what is thrown in the middle.
  expect(told.length).toBe(results.size)
  expect(told.filter((id) => !requests.some((request) => request.id === id))).toEqual([])
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
    let asked: Asked
    beforeAll(async () => {
      opened = await openTeacher()
      teacher = opened
      asked = options.asked ?? say('Name three things that one finds at a market.')
    }, 180_000)
    afterAll(() => opened?.release(), timeout)

    const say = (text: string): Asked =>
      teacher.description.gives.chat
        ? { kind: 'chat', messages: [{ role: 'user', content: text }] }
        : { kind: 'raw', text }
    const ask = (
      id: string,
      sampling: Partial<Sampling> = {},
      rest: Partial<CompletionRequest> = {},
    ): CompletionRequest => ({
      id,
      asked,
      sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
      ...rest,
    })
    const one = async (request: CompletionRequest): Promise<CompletionResult> => {
      const result = (await completeAll(teacher, [request])).results.get(request.id)
      if (result === undefined) throw new Error('The row was not told.')
      return result
    }
    const expectRefusal = async (request: CompletionRequest): Promise<void> => {
      expect(await one(request)).toMatchObject({
        id: request.id,
        text: '',
        ending: 'aborted',
        tokens: 0,
        refusal: expect.stringMatching(SENTENCE),
      })
    }

    test('says what it is and what it gives', () => {
      const { card, contextLength, batch, threads, gives, notes } = teacher.description
      expect(card.name).not.toBe('')
      expect(card.fingerprint).toMatch(/^[0-9a-f]{16}$/)
      for (const count of [contextLength, batch, threads])
        expect(Number.isInteger(count) && count >= 1, `${count}`).toBe(true)
      expect(gives.chat || gives.rawPrompts).toBe(true)
      expect(Number.isInteger(gives.logProbs) && gives.logProbs >= 0).toBe(true)
      expect(teacher.ownTokens !== undefined).toBe(gives.traces)
      for (const note of notes) expect(note).toMatch(SENTENCE)
    })

    test('completes many, and tells each once by its id', async () => {
      const requests = Array.from({ length: 5 }, (_, i) => ask(`row ${i}`, { maxTokens: 2 + i }))
      const { results, progress } = await completeAll(teacher, requests)
      expect([...results.keys()].toSorted()).toEqual(requests.map(({ id }) => id))
      for (const { sampling, id } of requests) {
        const result = results.get(id)
        expect(result?.refusal).toBeUndefined()
        expect(result?.tokens).toBeLessThanOrEqual(sampling.maxTokens)
        expect(result?.promptTokens).toBeGreaterThan(0)
        expect(['end', 'length']).toContain(result?.ending)
      }
      expect(progress.newTokens).toBeGreaterThan(0)
    })

    test('asked nothing it ends at once, with nothing done', async () => {
      const { results, progress } = await completeAll(teacher, [])
      expect([results.size, progress.newTokens]).toEqual([0, 0])
    })

    test('ends by length where its tokens run out, and has then written as many', async () => {
      expect(await one(ask('short', { maxTokens: 3 }))).toMatchObject({ ending: 'length', tokens: 3 })
    })

    test('a greedy answer is the same every time, whatever its seed', async () => {
      const first = await one(ask('first'))
      expect(first.text).not.toBe('')
      expect((await one(ask('second'))).text).toBe(first.text)
    })

    test('what it says of seeds is true', async () => {
      const draw = (ids: readonly string[]) =>
        completeAll(
          teacher,
          ids.map((id) => ask(id, { temperature, maxTokens: 12 })),
        )
      const ids = Array.from({ length: 8 }, (_, i) => `seed ${i}`)
      const { results } = await draw(ids)
      expect(new Set([...results.values()].map(({ text }) => text)).size).toBeGreaterThan(1)
      if (!teacher.description.gives.seeded) return
      const again = (await draw(ids.slice(2, 5).toReversed())).results
      for (const [id, { text }] of again) expect(text).toBe(results.get(id)?.text)
    })

    test('a stop text ends the answer and is no part of it', async () => {
      const free = (await one(ask('free', { maxTokens: 16 }))).text
      const middle = Math.floor(free.length / 2)
      const stop = free.slice(middle, middle + 2)
      expect(stop.length).toBe(2)
      expect(await one(ask('stopped', { maxTokens: 16, stop: ['never written', stop] }))).toMatchObject({
        text: free.slice(0, free.indexOf(stop)),
        ending: 'end',
      })
    })

    test('stopped, it tells the rows under way as aborted and ends; then it can be asked again', async () => {
      const stop = new AbortController()
      const requests = Array.from({ length: teacher.description.batch + 2 }, (_, i) =>
        ask(`long ${i}`, {
          maxTokens: Math.min(200, Math.floor(teacher.description.contextLength / 2)),
          temperature,
          rngSeed: `${i}`,
        }),
      )
      const { results } = await completeAll(teacher, requests, {
        signal: stop.signal,
        onBegun: () => stop.abort(),
      })
      const endings = [...results.values()].map(({ ending }) => ending)
      expect(endings).toContain('aborted')
      for (const { ending, refusal } of results.values())
        if (ending === 'aborted') expect(refusal).toBeUndefined()
      expect((await one(ask('after'))).ending).not.toBe('aborted')
    })

    test('asked when stopped already it writes nothing', async () => {
      const { results, progress } = await completeAll(teacher, [ask('late')], { signal: AbortSignal.abort() })
      expect([...results.values()].every(({ ending, text }) => ending === 'aborted' && text === '')).toBe(
        true,
      )
      expect(progress.newTokens).toBe(0)
    })

    test('one row that cannot be asked is refused with a sentence and ends nothing', async () => {
      const tooLong = options.tooLong ?? say('word '.repeat(2 * teacher.description.contextLength))
      const { results } = await completeAll(teacher, [
        ask('before'),
        { ...ask('too long'), asked: tooLong },
        ask('behind'),
      ])
      expect(results.get('too long')).toMatchObject({
        text: '',
        ending: 'aborted',
        refusal: expect.stringMatching(SENTENCE),
      })
      for (const id of ['before', 'behind'])
        expect(results.get(id)).toMatchObject({
          tokens: expect.any(Number),
          ending: expect.stringMatching(/end|length/),
        })
    })

    test('two calls at once both end whole', async () => {
      const [left, right] = await Promise.all([
        completeAll(teacher, [ask('l 1'), ask('l 2')]),
        completeAll(teacher, [ask('r 1'), ask('r 2')]),
      ])
      expect(left.results.get('l 1')?.text).toBe(right.results.get('r 2')?.text)
      expect([left.results.size, right.results.size]).toEqual([2, 2])
    })

    test('chats and raw texts are answered where they are given, and refused in a sentence where not', async () => {
      const { chat, rawPrompts } = teacher.description.gives
      const chatting = {
        ...ask('chat'),
        asked: { kind: 'chat', messages: [{ role: 'user', content: 'Good morning.' }] },
      } as const
      const raw = { ...ask('raw'), asked: { kind: 'raw', text: 'Once upon a time' } } as const
      if (chat) expect((await one(chatting)).refusal).toBeUndefined()
      else await expectRefusal(chatting)
      if (rawPrompts) expect((await one(raw)).refusal).toBeUndefined()
      else await expectRefusal(raw)
    })

    test('what it finds of written tokens are log-probabilities, as many as it gives; more are refused', async () => {
      const given = teacher.description.gives.logProbs
      await expectRefusal(ask('more', {}, { logProbs: given + 1 }))
      expect((await one(ask('none'))).logProbs).toBeUndefined()
      if (given === 0) return
      const wanted = Math.min(3, given)
      const { logProbs, tokens } = await one(ask('some', { maxTokens: 6 }, { logProbs: wanted }))
      expect(logProbs?.length).toBe(tokens)
      for (const { logProb, likeliest, tail } of logProbs ?? []) {
        const sorted = likeliest.map((token) => token.logProb)
        expect(sorted.length).toBe(wanted)
        expect(sorted).toEqual(sorted.toSorted((a, b) => b - a))
        // Greedy: what was written is the likeliest.
        expect(Math.abs(logProb - (sorted[0] ?? NaN))).toBeLessThanOrEqual(tolerance)
        expect(logProb).toBeLessThanOrEqual(tolerance)
        expect(tail >= 0 && tail <= 1, `${tail}`).toBe(true)
        expect(Math.abs(sorted.reduce((sum, value) => sum + Math.exp(value), tail) - 1)).toBeLessThanOrEqual(
          0.01,
        )
      }
    })

    test('a form is kept where it is given, and refused in a sentence where not', async () => {
      const { formats } = teacher.description.gives
      const schema = ask(
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
      const grammar = ask(
        'grammar',
        { maxTokens: 60 },
        { format: { kind: 'grammar', ebnf: 'root ::= "yes" | "no"' } },
      )
      if (!formats.includes('json-schema')) await expectRefusal(schema)
      else expect(JSON.parse((await one(schema)).text)).toEqual({ good: expect.any(Boolean) })
      if (!formats.includes('grammar')) await expectRefusal(grammar)
      else expect((await one(grammar)).text).toMatch(/^(yes|no)$/)
    })

    test('scores are log-probabilities of exclusive texts, in the order asked; where none are given that is refused', async () => {
      const continuations = options.continuations ?? [' yes', ' no', ' perhaps']
      const request = { id: 'there', asked, continuations }
      if (!teacher.description.gives.scores)
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

    test('counts the tokens of texts, in order', async () => {
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

    test('can be let go twice, which is its last test', async () => {
      await teacher.release()
      await teacher.release()
    })
  })
}
