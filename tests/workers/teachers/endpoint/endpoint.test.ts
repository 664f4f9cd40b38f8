// A server with OpenAI's protocol, well-behaved and not: how it is probed, what requests contain, and how its failures are handled.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../../../../src/domain/completion-request.ts'
import type { ModelSource } from '../../../../src/domain/model-source.ts'
import { GREEDY, type Sampling } from '../../../../src/domain/sampling.ts'
import { capabilitiesOf } from '../../../../workers/teachers/endpoint/server-capabilities.ts'
import { Connection } from '../../../../workers/teachers/endpoint/connection.ts'
import { EndpointTeacher } from '../../../../workers/teachers/endpoint/endpoint-teacher.ts'
import { probe } from '../../../../workers/teachers/endpoint/probe.ts'
import { findServedModels } from '../../../../workers/teachers/endpoint/inspect-server.ts'
import { endpoint } from '../../../../workers/teachers/openers/endpoint.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import { DESCRIPTION } from '../../../stand-ins/teacher.ts'
import { logProbOf, ModelServer, type Feature, type Mishap } from '../../../stand-ins/model-server.ts'
import { completeAll, describeTeacherContract } from '../contract.ts'

const signal = new AbortController().signal
let server: ModelServer
beforeEach(async () => {
  server = new ModelServer()
  await server.start()
})
afterEach(() => server.stop())

const OPTIONS = {
  backend: 'wasm',
  contextLength: 2048,
  keep: false,
  signal,
  onProgress: () => undefined,
  unloadPrevious: async () => undefined,
} as const
const source = (key?: string): Extract<ModelSource, { kind: 'endpoint' }> => ({
  kind: 'endpoint',
  url: server.url,
  model: 'hash-1',
  ...(key === undefined ? {} : { key }),
})
const open = (): Promise<Teacher> => endpoint.open(source(), OPTIONS)
const disable = (...names: Feature[]): void =>
  void (server.supports = new Set([...server.supports].filter((name) => !names.includes(name as Feature))))

/** As the opener makes it, with pauses that are short enough for a test. */
async function openImpatient({ timeoutMs = 30_000, attempts = 6 } = {}): Promise<EndpointTeacher> {
  const connection = new Connection(server.url, undefined, {
    stallTimeoutMs: timeoutMs,
    firstByteTimeoutMs: timeoutMs,
  })
  const capabilities = await probe(connection, 'hash-1', {
    llama: false,
    signal,
    onProgress: () => undefined,
  })
  server.requests.splice(0)
  return new EndpointTeacher(
    { ...DESCRIPTION, backend: 'server', capabilities: capabilitiesOf(capabilities) },
    connection,
    'hash-1',
    capabilities,
    { attempts, pauseMs: 1 },
  )
}

const QUESTION = 'What does one find at a market?'
const makeRequest = (
  id: string,
  sampling: Partial<Sampling> = {},
  rest: Partial<CompletionRequest> = {},
): CompletionRequest => ({
  id,
  input: { kind: 'chat', messages: [{ role: 'user', content: QUESTION }] },
  sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
  ...rest,
})
const one = async (teacher: Teacher, request: CompletionRequest): Promise<CompletionResult | undefined> =>
  (await completeAll(teacher, [request])).results.get(request.id)
async function score(teacher: Teacher, request: Partial<ScoreRequest>): Promise<ScoreResult> {
  const results: ScoreResult[] = []
  await teacher.score([{ id: 's', input: makeRequest('s').input, continuations: [' 1', ' 2'], ...request }], {
    signal,
    onResult: (result) => results.push(result),
    onProgress: () => undefined,
  })
  return results[0] ?? { id: 'none', logProbs: [] }
}

describe('the contract on a server that supports everything', () => {
  let own: ModelServer
  describeTeacherContract('a server', async () => {
    own = new ModelServer()
    await own.start()
    return endpoint.open({ kind: 'endpoint', url: own.url, model: 'hash-1' }, OPTIONS)
  })
})
describe('the contract on a server that supports little', () => {
  let own: ModelServer
  describeTeacherContract('a server', async () => {
    own = new ModelServer()
    own.supports = new Set(['seed', 'stop'])
    await own.start()
    return endpoint.open({ kind: 'endpoint', url: own.url, model: 'hash-1' }, OPTIONS)
  })
})

describe('inspecting a server', () => {
  test('lists models and describes one without generating a token', async () => {
    expect(await findServedModels({ url: `${server.url}/` }, signal)).toEqual({
      url: server.url,
      models: [{ id: 'hash-1', owner: 'a test', contextLength: 256 }],
    })
    expect(await endpoint.inspect(source(), signal)).toMatchObject({
      name: 'hash-1',
      form: 'endpoint',
      contextLength: 256,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    expect(server.requests.map(({ path }) => path)).toEqual(['/v1/models', '/v1/models'])
  })

  test('changes the fingerprint with the reported owner, but not with the key', async () => {
    const { fingerprint } = await endpoint.inspect(source(), signal)
    expect((await endpoint.inspect(source('key'), signal)).fingerprint).toBe(fingerprint)
    server.list = { data: [{ id: 'hash-1', owned_by: 'another' }] }
    expect((await endpoint.inspect(source(), signal)).fingerprint).not.toBe(fingerprint)
  })

  test('reads size, quantisation and digest from Ollama’s own endpoints', async () => {
    server.list = { data: [{ id: 'hash-1', owned_by: 'library' }] }
    const digest = 'a'.repeat(64)
    server.mishap = ({ path }, response) => {
      if (path === '/api/tags') server.send(response, { models: [{ name: 'hash-1', digest }] })
      else if (path === '/api/show')
        server.send(response, {
          license:
            '\n                                 Apache License\n                           Version 2.0, January 2004\n',
          details: { family: 'llama', quantization_level: 'Q4_K_M' },
          model_info: { 'llama.context_length': 8192, 'general.parameter_count': 135_000_000 },
        })
      else return false
      return true
    }
    const card = await endpoint.inspect(source(), signal)
    expect(card).toMatchObject({
      architecture: 'llama',
      quantisation: 'Q4_K_M',
      contextLength: 8192,
      parameters: 135_000_000,
      licence: 'apache-2.0',
    })
    server.mishap = () => false // without these endpoints the model can still be described
    expect((await endpoint.inspect(source(), signal)).fingerprint).not.toBe(card.fingerprint)
  })

  test.each([
    ['ftp://here/v1', /is not the address of a server/],
    ['https://me:secret@example.org/v1', /a user name or a password/],
  ])('refuses the address %s', async (url, sentence) => {
    await expect(findServedModels({ url }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(sentence),
    })
  })

  test('explains how to configure the program if nothing responds', async () => {
    const { url } = server
    server.stop()
    await expect(findServedModels({ url }, signal)).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(
        /^127\.0\.0\.1:\d+ did not respond, or does not allow this page to read its responses: is the program running.*\?$/,
      ),
    })
  })

  test.each([
    ['not JSON', '<html>', /is not JSON/],
    ['not a list', '{"models": 3}', /does not follow OpenAI/],
  ])('refuses a model list that is %s', async (_name, text, sentence) => {
    server.mishap = (_request, response) => !!response.writeHead(200).end(text)
    await expect(findServedModels({ url: server.url }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(sentence),
    })
  })

  test('drops invalid model names and limits the length of the list', async () => {
    server.list = {
      data: [
        { id: 7 },
        { id: '' },
        { id: 'a\u202Eb' },
        { id: 'x'.repeat(301) },
        null,
        ...Array.from({ length: 2000 }, (_, i) => ({ id: `m${i}` })),
      ],
    }
    const { models: list } = await findServedModels({ url: server.url }, signal)
    expect(list.length).toBe(995)
    expect(list[0]?.id).toBe('m0')
  })
})

describe('probing capabilities', () => {
  test('finds every capability of a server that supports everything', async () => {
    const { description } = await open()
    expect(description).toMatchObject({ backend: 'server', batch: 8, contextLength: 256 })
    expect(description.capabilities).toEqual({
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
    expect(description.notes.join(' ')).not.toMatch(/does not support|estimates/)
    // Few tokens: a probe must be fast and cheap.
    expect(server.completions.length).toBeLessThan(24)
    const long = server.completions.filter(({ body }) => Number(body['max_tokens']) > 24)
    expect(long.length).toBeLessThanOrEqual(2) // only where a short answer may be reasoning
  })

  test('does not count fields that are accepted and ignored as supported', async () => {
    disable(
      'seed',
      'top_k',
      'min_p',
      'repeat_penalty',
      'response_format',
      'grammar',
      'raw',
      'logprobs',
      'usage',
    )
    const { description } = await open()
    expect(description.capabilities).toEqual({
      chat: true,
      rawPrompts: false,
      scores: false,
      embeddings: false,
      softTargets: false,
      logProbs: 0,
      sampling: ['topP'],
      seeded: false,
      outputFormats: [],
    })
    expect(description.notes.join(' ')).toMatch(
      /does not support top-k, min-p or the repetition penalty.*same seed does not.*does not continue raw texts.*no log-probabilities.*estimates/,
    )
  })

  test('does not send refused fields again', async () => {
    server.refuses = [
      'top_k',
      'min_p',
      'repeat_penalty',
      'grammar',
      'structured_outputs',
      'seed',
      'logprobs',
      'stream_options',
    ]
    const teacher = await open()
    server.requests.splice(0)
    expect((await one(teacher, makeRequest('a', { topK: 3, minP: 0.1 })))?.refusal).toBeUndefined()
    for (const name of server.refuses) expect(server.requests[0]?.body).not.toHaveProperty(name)
  })

  test('ignores log-probabilities that depend on the temperature', async () => {
    server.mishap = ({ body, path }, response) => {
      if (path !== '/v1/chat/completions' || body['logprobs'] !== true) return false
      server.send(response, {
        choices: [
          {
            message: { content: ' a' },
            finish_reason: 'length',
            logprobs: {
              content: [
                {
                  token: ' a',
                  logprob: -1 / Number(body['temperature'] || 0.1),
                  top_logprobs: [{ token: ' a', logprob: -1 / Number(body['temperature'] || 0.1) }],
                },
              ],
            },
          },
        ],
      })
      return true
    }
    expect((await open()).description.capabilities.logProbs).toBe(0)
  })
})

describe('completing', () => {
  test('keeps as many rows in flight as the concurrency limit', async () => {
    const teacher = await openImpatient()
    server.slow = 3
    server.maxInFlight = 0
    const { results, progress } = await completeAll(
      teacher,
      Array.from({ length: 40 }, (_, i) => makeRequest(`${i}`)),
    )
    expect(results.size).toBe(40)
    expect(server.maxInFlight).toBe(8)
    expect(progress.newTokens).toBe([...results.values()].reduce((sum, { tokens }) => sum + tokens, 0))
  })

  test('sends every sampling setting, so that no server default applies', async () => {
    await one(await openImpatient(), makeRequest('a', { topP: 0.9, stop: ['', 'u', 'v', 'w', 'x', 'y'] }))
    const body = server.requests[0]?.body
    expect(body).toMatchObject({
      temperature: 0,
      top_p: 0.9,
      top_k: 0,
      min_p: 0,
      repeat_penalty: 1,
      max_tokens: 8,
      stop: ['u', 'v', 'w', 'x'],
    })
    expect(Number(body?.['seed'])).toBeLessThan(2 ** 31)
    expect(server.requests[0]?.headers['authorization']).toBeUndefined()
  })

  test('cuts at stop texts across chunks if the server ignores them', async () => {
    disable('stop')
    const teacher = await openImpatient()
    const free = (await one(teacher, makeRequest('free')))?.text ?? ''
    for (let at = 1; at < free.length - 4; at++) {
      const stop = free.slice(at, at + 4)
      expect(
        await one(teacher, makeRequest(`cut ${at}`, { stop: ['zz', 'yy', 'xx', 'ww', stop] })),
      ).toMatchObject({
        text: free.slice(0, free.indexOf(stop)),
        finishReason: 'end',
      })
    }
  })

  test('sends the key with every request and stores it nowhere', async () => {
    server.key = 'open sesame'
    const teacher = await endpoint.open(source('open sesame'), OPTIONS)
    expect((await one(teacher, makeRequest('a')))?.refusal).toBeUndefined()
    for (const { headers } of server.requests) expect(headers['authorization']).toBe('Bearer open sesame')
    expect(JSON.stringify(teacher.description)).not.toContain('sesame')
    await expect(endpoint.open(source('wrong'), OPTIONS)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/does not accept the key \(401\)/),
    })
  })

  test('does not follow redirects', async () => {
    const elsewhere = new ModelServer()
    await elsewhere.start()
    server.mishap = (_request, response) =>
      !!response.writeHead(307, { Location: `${elsewhere.url}/models` }).end()
    await expect(findServedModels({ url: server.url, key: 'open sesame' }, signal)).rejects.toMatchObject({
      name: 'DownloadFailed',
    })
    expect(elsewhere.requests).toEqual([])
    elsewhere.stop()
  })
})

/** The first `times` completions fail. */
const failFirst =
  (times: number, how: (response: Parameters<Mishap>[1]) => void): Mishap =>
  ({ path }, response) => {
    if (!path.endsWith('/completions') || times-- <= 0) return false
    how(response)
    return true
  }
const event = (text: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: null }] })}\n\n`

describe('failures', () => {
  test.each<[string, (response: Parameters<Mishap>[1]) => void, number?]>([
    ['500', (response) => server.send(response, { error: { message: 'out of memory' } }, 500)],
    [
      'a connection cut in the middle',
      (response) => void response.write(event(' half'), () => response.destroy()),
    ],
    ['an end without [DONE]', (response) => void response.writeHead(200).end(event(' half'))],
    ['a stalled connection', (response) => void response.writeHead(200).write(event(' half')), 1000],
    ['broken JSON', (response) => void response.writeHead(200).end('data: {"choices": [\n\n')],
    [
      'an error as an event',
      (response) =>
        void response.writeHead(200).end('data: {"error": {"code": 500, "message": "slot lost"}}\n\n'),
    ],
  ])('restarts a row after %s and returns the same result', async (_name, how, timeoutMs) => {
    const teacher = await openImpatient(timeoutMs === undefined ? {} : { timeoutMs })
    const clean = await one(teacher, makeRequest('a'))
    server.mishap = failFirst(2, how)
    expect(await one(teacher, makeRequest('a'))).toEqual(clean)
  })

  test('lowers the concurrency and waits for Retry-After on 429, then recovers', async () => {
    const teacher = await openImpatient()
    const times: number[] = []
    server.mishap = ({ path }, response) => {
      if (!path.endsWith('/completions') || times.push(performance.now()) !== 1) return false
      response.setHeader('Retry-After', '0.2')
      server.send(response, { error: { message: 'slow down' } }, 429)
      return true
    }
    const result = await one(teacher, makeRequest('a'))
    expect(result?.refusal).toBeUndefined()
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(190)
    expect(teacher.concurrency).toBeLessThan(8)
    await completeAll(
      teacher,
      Array.from({ length: 60 }, (_, i) => makeRequest(`${i}`, { maxTokens: 1 })),
    )
    expect(teacher.concurrency).toBe(8)
  })

  test('does not retry a refused row, reports the server’s message and completes the other rows', async () => {
    const teacher = await openImpatient()
    server.mishap = ({ body }, response) =>
      JSON.stringify(body).includes('forbidden')
        ? (server.send(response, { error: { message: 'no such thing' } }, 422), true)
        : false
    const bad = makeRequest(
      'bad',
      {},
      { input: { kind: 'chat', messages: [{ role: 'user', content: 'forbidden' }] } },
    )
    const { results } = await completeAll(teacher, [makeRequest('a'), bad, makeRequest('b')])
    expect(results.get('bad')).toMatchObject({
      text: '',
      tokens: 0,
      finishReason: 'aborted',
      refusal: expect.stringMatching(/refused this request \(422\): no such thing\.$/),
    })
    expect([results.get('a')?.refusal, results.get('b')?.refusal]).toEqual([undefined, undefined])
    expect(server.requests.filter(({ body }) => JSON.stringify(body).includes('forbidden'))).toHaveLength(1)
  })

  test('refuses a row that always fails with 500 and completes the other rows', async () => {
    const teacher = await openImpatient({ attempts: 3 })
    server.mishap = ({ body }, response) =>
      JSON.stringify(body).includes('heavy') ? (server.send(response, { detail: 'boom' }, 500), true) : false
    const { results } = await completeAll(teacher, [
      makeRequest('heavy', {}, { input: { kind: 'chat', messages: [{ role: 'user', content: 'heavy' }] } }),
      makeRequest('light'),
    ])
    expect(results.get('heavy')?.refusal).toMatch(/failed \(500\): boom\.$/)
    expect(results.get('light')?.refusal).toBeUndefined()
    expect(server.requests.filter(({ body }) => JSON.stringify(body).includes('heavy'))).toHaveLength(3)
  })

  test('ends the call with a sentence if the server disappears, and keeps reported results', async () => {
    const teacher = await openImpatient()
    server.slow = 2
    const reported: string[] = []
    const call = teacher.complete(
      Array.from({ length: 40 }, (_, i) => makeRequest(`${i}`)),
      {
        signal,
        onResult: ({ id, refusal }) => (
          expect(refusal).toBeUndefined(),
          reported.push(id) === 10 && server.stop()
        ),
        onProgress: () => undefined,
      },
    )
    await expect(call).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(/did not respond.*Finished results are kept\.$/),
    })
    expect(reported.length).toBeGreaterThanOrEqual(10)
    expect(reported.length).toBeLessThan(40)
  })

  test('closes every connection at once when stopped and reports rows with their partial text', async () => {
    const teacher = await openImpatient()
    server.mishap = ({ path }, response) =>
      path.endsWith('/completions') && response.writeHead(200).write(event(' half an answer'))
    const stop = new AbortController()
    let partials = 0
    const results: CompletionResult[] = []
    await teacher.complete(
      Array.from({ length: 20 }, (_, i) => makeRequest(`${i}`)),
      {
        signal: stop.signal,
        onResult: (result) => results.push(result),
        onProgress: () => undefined,
        onPartial: () => (partials += 1) === 8 && stop.abort(),
      },
    )
    expect(results).toHaveLength(8)
    for (const result of results)
      expect(result).toMatchObject({ finishReason: 'aborted', text: ' half an answer' })
    await expect.poll(() => server.requests.length).toBe(8)
  })

  test.each<[string, (response: Parameters<Mishap>[1]) => void, RegExp]>([
    [
      'an endless line',
      (response) => void response.writeHead(200).write(`data: ${'x'.repeat(1_200_000)}`),
      /a line of more than 1048576 characters/,
    ],
    [
      'endless text',
      (response) => void response.writeHead(200).write(event('x'.repeat(100)).repeat(50)),
      /ignored the limit of 8 tokens/,
    ],
    [
      'too deeply nested JSON',
      (response) =>
        void response.writeHead(200).end(`data: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n\n`),
      /no choices|not JSON/,
    ],
    ['choices of another type', (response) => server.send(response, { choices: { 0: 7 } }), /no choices/],
  ])('refuses a row if the server sends %s', async (_name, how, sentence) => {
    const teacher = await openImpatient({ attempts: 2 })
    server.mishap = failFirst(9, how)
    expect((await one(teacher, makeRequest('a')))?.refusal).toMatch(sentence)
  })

  test('treats fields of other types as absent', async () => {
    const teacher = await openImpatient()
    server.mishap = failFirst(1, (response) =>
      server.send(response, {
        choices: [
          {
            message: { content: ' fine' },
            finish_reason: 3,
            logprobs: {
              content: [
                { token: 1, logprob: 'x' },
                { token: ' fine', logprob: 40 },
              ],
            },
          },
        ],
        usage: { prompt_tokens: -1, completion_tokens: 'many' },
      }),
    )
    expect(await one(teacher, makeRequest('a', {}, { logProbs: 1 }))).toMatchObject({
      text: ' fine',
      finishReason: 'end',
      logProbs: [],
    })
  })
})

describe('scores', () => {
  const WORDS = [' 1', ' 2', ' 3', ' 4', ' 5']

  test('reads the model’s own probabilities from top-k lists after an answer prefix', async () => {
    const teacher = await openImpatient()
    const { logProbs } = await score(teacher, { answerPrefix: 'Score:', continuations: WORDS })
    for (const [i, word] of WORDS.entries())
      expect(Math.abs((logProbs[i] ?? NaN) - logProbOf(QUESTION, 'Score:', word))).toBeLessThanOrEqual(1e-6)
  })

  test('sums the log-probabilities of texts of several tokens', async () => {
    const { logProbs } = await score(await openImpatient(), {
      answerPrefix: 'Score:',
      continuations: [' 1 and', ' 1 fish', ' 2'],
    })
    expect(
      Math.abs(
        (logProbs[1] ?? NaN) - logProbOf(QUESTION, 'Score:', ' 1') - logProbOf(QUESTION, 'Score: 1', ' fish'),
      ),
    ).toBeLessThanOrEqual(1e-6)
  })

  test('bounds a text that is not on the list by the list’s last token, or refuses it', async () => {
    const teacher = await openImpatient()
    const few =
      (count: number): Mishap =>
      ({ body, path }, response) => {
        if (path !== '/v1/chat/completions' || body['stream'] === true) return false
        const list = [' 1', ' 2', ' 3']
          .slice(0, count)
          .map((token, i) => ({ token, logprob: Math.log([0.6, 0.396, 0.002][i] ?? 1) }))
        server.send(response, {
          choices: [
            {
              message: { content: ' 1' },
              logprobs: { content: [{ token: ' 1', logprob: -0.5, top_logprobs: list }] },
            },
          ],
        })
        return true
      }
    server.mishap = few(3)
    expect(
      Math.exp((await score(teacher, { continuations: [' 1', ' zebra'] })).logProbs[1] ?? NaN),
    ).toBeCloseTo(0.002, 6)
    server.mishap = few(1)
    expect((await score(teacher, { continuations: [' 1', ' zebra'] })).refusal).toMatch(
      /“ zebra” is not among the top 1 tokens.*40 %/,
    )
  })

  test('reads scores of raw texts along the echoed prompt', async () => {
    const { logProbs } = await score(await openImpatient(), {
      input: { kind: 'raw', text: 'At the market one finds' },
      continuations: [' bread and fish', ' cheese'],
    })
    expect(logProbs).toHaveLength(2)
    expect(
      server.requests.every(({ body, path }) => path === '/v1/completions' && body['echo'] === true),
    ).toBe(true)
  })

  test('refuses the whole call if the server does not support scores', async () => {
    disable('prefill')
    const teacher = await openImpatient()
    expect(teacher.description.capabilities.scores).toBe(false)
    await expect(score(teacher, {})).rejects.toMatchObject({ name: 'ModelRefused' })
  })
})
