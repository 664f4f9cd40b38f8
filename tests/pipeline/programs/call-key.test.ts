// The addresses of calls stay what they were: the journals of stored projects are addressed by them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CompletionRequest, PromptInput, ScoreRequest } from '../../../src/domain/completion-request.ts'
import { canonicalJson, hashOf, SharedStart, type Json } from '../../../src/domain/hash.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { callKey } from '../../../src/pipeline/programs/call-key.ts'
import type { Call } from '../../../src/pipeline/programs/program.ts'

const inputOf = (input: PromptInput): Json =>
  input.kind === 'raw'
    ? { raw: input.text }
    : { messages: input.messages.map(({ role, content }) => ({ role, content })) }

/** The address as it was first defined: the hash of the canonical JSON of this value. */
function defined(call: Call, model: Json): string {
  if (call.kind === 'novelty') throw new TypeError('not of a model')
  if (call.kind === 'embed') return hashOf({ kind: 'embed', model, text: call.request.text }).slice(0, 32)
  const { request } = call
  const value: Json =
    'sampling' in request
      ? {
          kind: 'complete',
          model,
          input: inputOf(request.input),
          sampling: { ...request.sampling, stop: [...request.sampling.stop] },
          logProbs: request.logProbs,
          format: request.format && { ...request.format },
          thinking: request.thinking || undefined,
        }
      : {
          kind: 'score',
          model,
          input: inputOf(request.input),
          answerPrefix: request.answerPrefix || undefined,
          continuations: [...request.continuations],
        }
  return hashOf(value).slice(0, 32)
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', minLength: 100, maxLength: 300 }),
  fc.constant('One system prompt that all of the requests of a step share. '.repeat(4)),
)
const input: fc.Arbitrary<PromptInput> = fc.oneof(
  fc.record({ kind: fc.constant('raw' as const), text }),
  fc.record({
    kind: fc.constant('chat' as const),
    messages: fc.array(
      fc.record({
        role: fc.constantFrom('system' as const, 'user' as const, 'assistant' as const),
        content: text,
      }),
      { maxLength: 4 },
    ),
  }),
)
const completion: fc.Arbitrary<CompletionRequest> = fc.record(
  {
    id: fc.string(),
    input,
    sampling: fc
      .record({
        temperature: fc.double({ min: 0, max: 2, noNaN: true }),
        maxTokens: fc.nat(),
        rngSeed: text,
        stop: fc.array(text, { maxLength: 2 }),
      })
      .map((some) => ({ ...GREEDY, ...some })),
    logProbs: fc.nat(20),
    format: fc.record({ kind: fc.constant('grammar' as const), ebnf: text }),
    thinking: fc.boolean(),
  },
  { requiredKeys: ['id', 'input', 'sampling'] },
)
const scoring: fc.Arbitrary<ScoreRequest> = fc.record(
  {
    id: fc.string(),
    input,
    answerPrefix: text,
    continuations: fc.array(text, { minLength: 1, maxLength: 5 }),
  },
  { requiredKeys: ['id', 'input', 'continuations'] },
)
const MODELS: readonly Json[] = ['a name', { fingerprint: 'aa', weights: { kind: 'f32' }, chatFormat: null }]

test('is the hash of the canonical JSON of request and model, for any request', () => {
  fc.assert(
    fc.property(completion, scoring, fc.constantFrom(...MODELS), (one, other, model) => {
      for (const call of [
        { kind: 'complete', role: 'teacher', request: one },
        { kind: 'score', role: 'judge', request: other },
        { kind: 'embed', role: 'embedder', request: { id: one.id, text: other.answerPrefix ?? 'x' } },
      ] as const)
        expect(callKey(call, () => model)).toBe(defined(call, model))
    }),
    { numRuns: 300 },
  )
})

test('is that of journals of earlier versions', () => {
  const messages = [
    { role: 'system', content: 'You are brief. '.repeat(20) },
    { role: 'user', content: 'Why “ß”?' },
  ] as const
  const request = {
    id: 'x',
    input: { kind: 'chat', messages },
    sampling: { ...GREEDY, maxTokens: 8, rngSeed: '1' },
  } as const
  const call: Call = { kind: 'complete', role: 'teacher', request }
  expect(callKey(call, () => ({ fingerprint: '00000000000000aa' }))).toBe('416eda9562d80c9be0c3d282b07140e9')
})

test('is refused for numbers that JSON cannot carry', () => {
  const request: CompletionRequest = {
    id: 'x',
    input: { kind: 'raw', text: '' },
    sampling: { ...GREEDY, temperature: Number.NaN, maxTokens: 1, rngSeed: '' },
  }
  expect(() => callKey({ kind: 'complete', role: 'teacher', request }, () => 'm')).toThrow(RangeError)
})

test('canonical JSON is JSON with its keys in order, and a shared start changes no hash', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const written = canonicalJson(value as Json)
      expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(JSON.parse(written) as Json)).toBe(written)
    }),
  )
  expect(canonicalJson({ b: [1, -0, 1e21, 'ü"\ud800'], a: { d: undefined, c: null } })).toBe(
    '{"a":{"c":null},"b":[1,0,1e+21,"ü\\"\\ud800"]}',
  )
  const whole = JSON.stringify('one text that is long enough for several blocks of the hash '.repeat(5))
  for (const at of [0, 1, 63, 64, 65, 200]) {
    const start = new SharedStart(JSON.stringify(whole).slice(0, at))
    expect(start.hashWith(JSON.stringify(whole).slice(at))).toBe(hashOf(whole))
    expect(start.hashWith(JSON.stringify(whole).slice(at))).toBe(hashOf(whole))
  }
})
