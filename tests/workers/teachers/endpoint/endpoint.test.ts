// A server that speaks OpenAI's protocol, kind and unkind: what is found out of it, what is asked of it, and what comes of its mishaps.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  GREEDY,
  type CompletionRequest,
  type CompletionResult,
  type ModelSource,
  type Sampling,
  type ScoreRequest,
  type ScoreResult,
} from '../../../../src/domain/model.ts'
import { givesOf } from '../../../../workers/teachers/endpoint/abilities.ts'
import { Connection } from '../../../../workers/teachers/endpoint/connection.ts'
import { EndpointTeacher } from '../../../../workers/teachers/endpoint/endpoint-teacher.ts'
import { probe } from '../../../../workers/teachers/endpoint/probe.ts'
import { endpoint, findServed } from '../../../../workers/teachers/openers/endpoint.ts'
import type { Teacher } from '../../../../workers/teachers/teacher.ts'
import { DESCRIPTION } from '../../../stand-ins/teacher.ts'
import { logProbOf, ModelServer, type Heeded, type Mishap } from '../../../stand-ins/model-server.ts'
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
  letGo: async () => undefined,
} as const
const source = (key?: string): Extract<ModelSource, { kind: 'endpoint' }> => ({
  kind: 'endpoint',
  url: server.url,
  model: 'hash-1',
  ...(key === undefined ? {} : { key }),
})
const open = (): Promise<Teacher> => endpoint.open(source(), OPTIONS)
const lose = (...names: Heeded[]): void =>
  void (server.heeds = new Set([...server.heeds].filter((name) => !names.includes(name as Heeded))))

/** As the opener makes it, with pauses that a test can wait for. */
async function openImpatient({ stallMs = 30_000, tries = 6 } = {}): Promise<EndpointTeacher> {
  const connection = new Connection(server.url, undefined, { stallMs, patienceMs: stallMs })
  const abilities = await probe(connection, 'hash-1', { llama: false, signal, onProgress: () => undefined })
  server.asked.splice(0)
  return new EndpointTeacher(
    { ...DESCRIPTION, backend: 'server', gives: givesOf(abilities) },
    connection,
    'hash-1',
    abilities,
    { tries, pauseMs: 1 },
  )
}

const QUESTION = 'What does one find at a market?'
const ask = (
  id: string,
  sampling: Partial<Sampling> = {},
  rest: Partial<CompletionRequest> = {},
): CompletionRequest => ({
  id,
  asked: { kind: 'chat', messages: [{ role: 'user', content: QUESTION }] },
  sampling: { ...GREEDY, maxTokens: 8, rngSeed: id, ...sampling },
  ...rest,
})
const one = async (teacher: Teacher, request: CompletionRequest): Promise<CompletionResult | undefined> =>
  (await completeAll(teacher, [request])).results.get(request.id)
async function score(teacher: Teacher, request: Partial<ScoreRequest>): Promise<ScoreResult> {
  const results: ScoreResult[] = []
  await teacher.score([{ id: 's', asked: ask('s').asked, continuations: [' 1', ' 2'], ...request }], {
    signal,
    onResult: (result) => results.push(result),
    onProgress: () => undefined,
  })
  return results[0] ?? { id: 'none', logProbs: [] }
}

describe('the contract, on a server that heeds everything', () => {
  let own: ModelServer
  describeTeacherContract('a server', async () => {
    own = new ModelServer()
    await own.start()
    return endpoint.open({ kind: 'endpoint', url: own.url, model: 'hash-1' }, OPTIONS)
  })
})
describe('the contract, on a server that heeds little', () => {
  let own: ModelServer
  describeTeacherContract('a server', async () => {
    own = new ModelServer()
    own.heeds = new Set(['seed', 'stop'])
    await own.start()
    return endpoint.open({ kind: 'endpoint', url: own.url, model: 'hash-1' }, OPTIONS)
  })
})

describe('looking at a server', () => {
  test('lists its models, and a card costs no token', async () => {
    expect(await findServed({ url: `${server.url}/` }, signal)).toEqual([
      { id: 'hash-1', owner: 'a test', contextLength: 256 },
    ])
    expect(await endpoint.inspect(source(), signal)).toMatchObject({
      name: 'hash-1',
      form: 'endpoint',
      contextLength: 256,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    expect(server.asked.map(({ path }) => path)).toEqual(['/v1/models', '/v1/models'])
  })

  test('another server, another model or what it tells makes another fingerprint; a key does not', async () => {
    const { fingerprint } = await endpoint.inspect(source(), signal)
    expect((await endpoint.inspect(source('key'), signal)).fingerprint).toBe(fingerprint)
    server.list = { data: [{ id: 'hash-1', owned_by: 'another' }] }
    expect((await endpoint.inspect(source(), signal)).fingerprint).not.toBe(fingerprint)
  })

  test('Ollama’s own ways tell size, quantisation and the digest', async () => {
    server.list = { data: [{ id: 'hash-1', owned_by: 'library' }] }
    const digest = 'a'.repeat(64)
    server.mishap = ({ path }, response) => {
      if (path === '/api/tags') server.send(response, { models: [{ name: 'hash-1', digest }] })
      else if (path === '/api/show')
        server.send(response, {
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
    })
    server.mishap = () => false // what it does not tell is no failure
    expect((await endpoint.inspect(source(), signal)).fingerprint).not.toBe(card.fingerprint)
  })

  test.each([
    ['ftp://here/v1', /no address of a server/],
    ['http://192.168.1.5:11434/v1', /only over https.*forward its port/],
    ['https://me:secret@example.org/v1', /a name or a password/],
  ])('an address that may not be asked is refused: %s', async (url, sentence) => {
    await expect(findServed({ url }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(sentence),
    })
  })

  test('where nobody answers, it says how the program is told to answer', async () => {
    const { url } = server
    server.stop()
    await expect(findServed({ url }, signal)).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(/OLLAMA_ORIGINS.*Enable CORS.*--allowed-origins.*allow it\.$/),
    })
  })

  test.each([
    ['no JSON', '<html>', /no JSON/],
    ['no list', '{"models": 3}', /not of the form/],
  ])('an answer that is %s is refused', async (_name, text, sentence) => {
    server.mishap = (_asked, response) => !!response.writeHead(200).end(text)
    await expect(findServed({ url: server.url }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(sentence),
    })
  })

  test('names that are none are left out of the list, and it has an end', async () => {
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
    const list = await findServed({ url: server.url }, signal)
    expect(list.length).toBe(995)
    expect(list[0]?.id).toBe('m0')
  })
})

describe('finding out what it heeds', () => {
  test('a server that heeds everything gives everything', async () => {
    const { description } = await open()
    expect(description).toMatchObject({ backend: 'server', batch: 8, contextLength: 256 })
    expect(description.gives).toEqual({
      chat: true,
      rawPrompts: true,
      scores: true,
      traces: false,
      logProbs: 20,
      sampling: ['topP', 'topK', 'minP', 'repetitionPenalty'],
      seeded: true,
      formats: ['json-schema', 'grammar'],
    })
    expect(description.notes.join(' ')).not.toMatch(/does not heed|estimates/)
    // Few tokens: nobody waits or pays for a probe.
    expect(server.completions.length).toBeLessThan(20)
    for (const { body } of server.completions) expect(body['max_tokens']).toBeLessThanOrEqual(24)
  })

  test('fields that are accepted and ignored are not promised', async () => {
    lose('seed', 'top_k', 'min_p', 'repeat_penalty', 'response_format', 'grammar', 'raw', 'logprobs', 'usage')
    const { description } = await open()
    expect(description.gives).toEqual({
      chat: true,
      rawPrompts: false,
      scores: false,
      traces: false,
      logProbs: 0,
      sampling: ['topP'],
      seeded: false,
      formats: [],
    })
    expect(description.notes.join(' ')).toMatch(
      /does not heed top-k and min-p and the repetition penalty.*same seed does not.*no text as it stands.*no probabilities.*estimates/,
    )
  })

  test('fields that are refused are not sent again', async () => {
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
    server.asked.splice(0)
    expect((await one(teacher, ask('a', { topK: 3, minP: 0.1 })))?.refusal).toBeUndefined()
    for (const name of server.refuses) expect(server.asked[0]?.body).not.toHaveProperty(name)
  })

  test('probabilities after temperature do not count', async () => {
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
    expect((await open()).description.gives.logProbs).toBe(0)
  })
})

describe('asking', () => {
  test('many rows are under way at once, and no more than its lanes', async () => {
    const teacher = await openImpatient()
    server.slow = 3
    server.most = 0
    const { results, progress } = await completeAll(
      teacher,
      Array.from({ length: 40 }, (_, i) => ask(`${i}`)),
    )
    expect(results.size).toBe(40)
    expect(server.most).toBe(8)
    expect(progress.newTokens).toBe([...results.values()].reduce((sum, { tokens }) => sum + tokens, 0))
  })

  test('sampling is said whole: what a server would choose by itself is never left to it', async () => {
    await one(await openImpatient(), ask('a', { topP: 0.9, stop: ['', 'u', 'v', 'w', 'x', 'y'] }))
    const body = server.asked[0]?.body
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
    expect(server.asked[0]?.headers['authorization']).toBeUndefined()
  })

  test('a server that ignores stop texts is cut here, across the pieces’ borders', async () => {
    lose('stop')
    const teacher = await openImpatient()
    const free = (await one(teacher, ask('free')))?.text ?? ''
    for (let at = 1; at < free.length - 4; at++) {
      const stop = free.slice(at, at + 4)
      expect(await one(teacher, ask(`cut ${at}`, { stop: ['zz', 'yy', 'xx', 'ww', stop] }))).toMatchObject({
        text: free.slice(0, free.indexOf(stop)),
        ending: 'end',
      })
    }
  })

  test('a key goes with every request, and nowhere else', async () => {
    server.key = 'open sesame'
    const teacher = await endpoint.open(source('open sesame'), OPTIONS)
    expect((await one(teacher, ask('a')))?.refusal).toBeUndefined()
    for (const { headers } of server.asked) expect(headers['authorization']).toBe('Bearer open sesame')
    expect(JSON.stringify(teacher.description)).not.toContain('sesame')
    await expect(endpoint.open(source('wrong'), OPTIONS)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/does not accept the key \(401\)/),
    })
  })

  test('a redirect is not followed', async () => {
    const elsewhere = new ModelServer()
    await elsewhere.start()
    server.mishap = (_asked, response) =>
      !!response.writeHead(307, { Location: `${elsewhere.url}/models` }).end()
    await expect(findServed({ url: server.url, key: 'open sesame' }, signal)).rejects.toMatchObject({
      name: 'DownloadFailed',
    })
    expect(elsewhere.asked).toEqual([])
    elsewhere.stop()
  })
})

/** The first so many completions go wrong. */
const wrong =
  (times: number, how: (response: Parameters<Mishap>[1]) => void): Mishap =>
  ({ path }, response) => {
    if (!path.endsWith('/completions') || times-- <= 0) return false
    how(response)
    return true
  }
const event = (text: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: null }] })}\n\n`

describe('mishaps', () => {
  test.each<[string, (response: Parameters<Mishap>[1]) => void, number?]>([
    ['500', (response) => server.send(response, { error: { message: 'out of memory' } }, 500)],
    ['a cut in the middle', (response) => void response.write(event(' half'), () => response.destroy())],
    ['an end without an end', (response) => void response.writeHead(200).end(event(' half'))],
    ['no byte for too long', (response) => void response.writeHead(200).write(event(' half')), 1000],
    ['broken JSON', (response) => void response.writeHead(200).end('data: {"choices": [\n\n')],
    [
      'an error as an event',
      (response) =>
        void response.writeHead(200).end('data: {"error": {"code": 500, "message": "slot lost"}}\n\n'),
    ],
  ])('after %s a row begins again and comes out the same', async (_name, how, stallMs) => {
    const teacher = await openImpatient(stallMs === undefined ? {} : { stallMs })
    const clean = await one(teacher, ask('a'))
    server.mishap = wrong(2, how)
    expect(await one(teacher, ask('a'))).toEqual(clean)
  })

  test('429 opens fewer lanes, waits as long as asked, and ends well', async () => {
    const teacher = await openImpatient()
    const times: number[] = []
    server.mishap = ({ path }, response) => {
      if (!path.endsWith('/completions') || times.push(performance.now()) !== 1) return false
      response.setHeader('Retry-After', '0.2')
      server.send(response, { error: { message: 'slow down' } }, 429)
      return true
    }
    const result = await one(teacher, ask('a'))
    expect(result?.refusal).toBeUndefined()
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(190)
    expect(teacher.open).toBeLessThan(8)
    await completeAll(
      teacher,
      Array.from({ length: 60 }, (_, i) => ask(`${i}`, { maxTokens: 1 })),
    )
    expect(teacher.open).toBe(8)
  })

  test('what is refused is not repeated: the row is told with the server’s own words, and others go on', async () => {
    const teacher = await openImpatient()
    server.mishap = ({ body }, response) =>
      JSON.stringify(body).includes('forbidden')
        ? (server.send(response, { error: { message: 'no such thing' } }, 422), true)
        : false
    const bad = ask(
      'bad',
      {},
      { asked: { kind: 'chat', messages: [{ role: 'user', content: 'forbidden' }] } },
    )
    const { results } = await completeAll(teacher, [ask('a'), bad, ask('b')])
    expect(results.get('bad')).toMatchObject({
      text: '',
      tokens: 0,
      ending: 'aborted',
      refusal: expect.stringMatching(/refused this request \(422\): no such thing\.$/),
    })
    expect([results.get('a')?.refusal, results.get('b')?.refusal]).toEqual([undefined, undefined])
    expect(server.asked.filter(({ body }) => JSON.stringify(body).includes('forbidden'))).toHaveLength(1)
  })

  test('500 without end refuses the row and ends nothing', async () => {
    const teacher = await openImpatient({ tries: 3 })
    server.mishap = ({ body }, response) =>
      JSON.stringify(body).includes('heavy') ? (server.send(response, { detail: 'boom' }, 500), true) : false
    const { results } = await completeAll(teacher, [
      ask('heavy', {}, { asked: { kind: 'chat', messages: [{ role: 'user', content: 'heavy' }] } }),
      ask('light'),
    ])
    expect(results.get('heavy')?.refusal).toMatch(/failed \(500\): boom\.$/)
    expect(results.get('light')?.refusal).toBeUndefined()
    expect(server.asked.filter(({ body }) => JSON.stringify(body).includes('heavy'))).toHaveLength(3)
  })

  test('a server that goes away ends the call with a sentence, and what was finished stays told', async () => {
    const teacher = await openImpatient()
    server.slow = 2
    const told: string[] = []
    const call = teacher.complete(
      Array.from({ length: 40 }, (_, i) => ask(`${i}`)),
      {
        signal,
        onResult: ({ id, refusal }) => (
          expect(refusal).toBeUndefined(),
          told.push(id) === 10 && server.stop()
        ),
        onProgress: () => undefined,
      },
    )
    await expect(call).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(/^Nothing at .*What was finished is kept\.$/),
    })
    expect(told.length).toBeGreaterThanOrEqual(10)
    expect(told.length).toBeLessThan(40)
  })

  test('stopped, it closes every connection at once and tells rows with their text', async () => {
    const teacher = await openImpatient()
    server.mishap = ({ path }, response) =>
      path.endsWith('/completions') && response.writeHead(200).write(event(' half an answer'))
    const stop = new AbortController()
    let begun = 0
    const results: CompletionResult[] = []
    await teacher.complete(
      Array.from({ length: 20 }, (_, i) => ask(`${i}`)),
      {
        signal: stop.signal,
        onResult: (result) => results.push(result),
        onProgress: () => undefined,
        onPartial: () => (begun += 1) === 8 && stop.abort(),
      },
    )
    expect(results).toHaveLength(8)
    for (const result of results) expect(result).toMatchObject({ ending: 'aborted', text: ' half an answer' })
    await expect.poll(() => server.asked.length).toBe(8)
  })

  test.each<[string, (response: Parameters<Mishap>[1]) => void, RegExp]>([
    [
      'a line without end',
      (response) => void response.writeHead(200).write(`data: ${'x'.repeat(1_200_000)}`),
      /a line of more than 1048576 characters/,
    ],
    [
      'no end of text',
      (response) => void response.writeHead(200).write(event('x'.repeat(100)).repeat(50)),
      /wrote on past the 8 tokens/,
    ],
    [
      'nested beyond sense',
      (response) =>
        void response.writeHead(200).end(`data: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n\n`),
      /no choices|no JSON/,
    ],
    ['choices of another form', (response) => server.send(response, { choices: { 0: 7 } }), /no choices/],
  ])('a server that sends %s is bounded', async (_name, how, sentence) => {
    const teacher = await openImpatient({ tries: 2 })
    server.mishap = wrong(9, how)
    expect((await one(teacher, ask('a')))?.refusal).toMatch(sentence)
  })

  test('fields of other kinds are taken for absent', async () => {
    const teacher = await openImpatient()
    server.mishap = wrong(1, (response) =>
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
    expect(await one(teacher, ask('a', {}, { logProbs: 1 }))).toMatchObject({
      text: ' fine',
      ending: 'end',
      logProbs: [],
    })
  })
})

describe('scores', () => {
  const WORDS = [' 1', ' 2', ' 3', ' 4', ' 5']

  test('from lists are the model’s own, behind a beginning of the answer', async () => {
    const teacher = await openImpatient()
    const { logProbs } = await score(teacher, { answerPrefix: 'Score:', continuations: WORDS })
    for (const [i, word] of WORDS.entries())
      expect(Math.abs((logProbs[i] ?? NaN) - logProbOf(QUESTION, 'Score:', word))).toBeLessThanOrEqual(1e-6)
  })

  test('of texts of several tokens are summed along them', async () => {
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

  test('a text off the list is no likelier than the list’s end, and is refused where that says little', async () => {
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
      /“ zebra” is not among the 1 likeliest.*40 %/,
    )
  })

  test('of raw texts are read along the prompt that comes back', async () => {
    const { logProbs } = await score(await openImpatient(), {
      asked: { kind: 'raw', text: 'At the market one finds' },
      continuations: [' bread and fish', ' cheese'],
    })
    expect(logProbs).toHaveLength(2)
    expect(server.asked.every(({ body, path }) => path === '/v1/completions' && body['echo'] === true)).toBe(
      true,
    )
  })

  test('are refused as a whole where a server gives none', async () => {
    lose('prefill')
    const teacher = await openImpatient()
    expect(teacher.description.gives.scores).toBe(false)
    await expect(score(teacher, {})).rejects.toMatchObject({ name: 'ModelRefused' })
  })
})
