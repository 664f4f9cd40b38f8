// Streams that differ slightly from one server to the next, and what becomes of reasoning in each form.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CompletionRequest, CompletionResult } from '../../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../../src/domain/sampling.ts'
import { Connection } from '../../../../workers/teachers/endpoint/connection.ts'
import { NO_REASONING } from '../../../../workers/teachers/endpoint/probe-reasoning.ts'
import { RowGeneration } from '../../../../workers/teachers/endpoint/complete-row.ts'
import type { ServerCapabilities } from '../../../../workers/teachers/endpoint/server-capabilities.ts'
import { ModelServer } from '../../../stand-ins/model-server.ts'

let server: ModelServer
beforeEach(async () => {
  server = new ModelServer()
  await server.start()
})
afterEach(() => server.stop())

const PLAIN: ServerCapabilities = {
  chat: true,
  raw: false,
  chatLogProbs: 5,
  rawLogProbs: 0,
  seeded: true,
  extensions: [],
  schema: false,
  grammar: undefined,
  prefill: 'message',
  echo: false,
  native: false,
  countsTokens: true,
  usesMaxCompletionTokens: false,
  reasoning: NO_REASONING,
  unknown: [],
}
const delta = (fields: object, finish: string | null = null): object => ({
  choices: [{ index: 0, delta: fields, finish_reason: finish }],
})
const sse = (values: readonly unknown[], end = 'data: [DONE]\n\n'): string =>
  values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('') + end

/** The result of one row whose response has this body. */
async function complete(
  body: string,
  { type = 'text/event-stream', ...rest }: { type?: string } & Partial<CompletionRequest> = {},
): Promise<CompletionResult> {
  server.mishap = (_request, response) => !!response.writeHead(200, { 'Content-Type': type }).end(body)
  const generation = new RowGeneration({
    id: 'row',
    input: { kind: 'chat', messages: [{ role: 'user', content: 'What is two and two?' }] },
    sampling: { ...GREEDY, maxTokens: 16, rngSeed: '1' },
    ...rest,
  })
  return generation.generate(new Connection(server.url, undefined), 'hash-1', PLAIN, {
    signal: new AbortController().signal,
  })
}

const FOUR = [
  delta({ role: 'assistant', content: '' }),
  delta({ content: 'It is ' }),
  delta({ content: 'four.' }, 'stop'),
]

describe('a stream that differs slightly gives the same text', () => {
  const usage = { prompt_tokens: 5, completion_tokens: 3 }
  test.each([
    ['the protocol’s own form', sse(FOUR)],
    ['an end after the finish reason without [DONE]', sse(FOUR, '')],
    ['the same without the last empty line', sse(FOUR, '').trimEnd()],
    [
      'choices: null as a sign of life',
      sse([{ choices: null }, ...FOUR.flatMap((one) => [one, { choices: null, object: 'x' }])]),
    ],
    ['usage without choices', sse([...FOUR, { usage }])],
    ['an event in two lines of data', sse(FOUR).replaceAll('"choices":', '"choices":\ndata: ')],
    ['no empty lines', sse(FOUR).replaceAll('\n\n', '\n')],
    ['returns and line feeds', sse(FOUR).replaceAll('\n', '\r\n')],
    [
      'comments and event names',
      `: ping\n\n${sse(FOUR).replaceAll('data:', 'event: message\nid: 7\ndata:')}`,
    ],
    [
      'parts of content',
      sse([
        delta({ content: [{ type: 'text', text: 'It is ' }] }),
        delta(
          {
            content: [
              { type: 'text', text: 'four' },
              { type: 'text', text: '.' },
            ],
          },
          'stop',
        ),
      ]),
    ],
    [
      'one whole answer',
      JSON.stringify({ choices: [{ message: { content: 'It is four.' }, finish_reason: 'stop' }] }),
    ],
    [
      'a whole answer over several lines',
      JSON.stringify({ choices: [{ message: { content: 'It is four.' }, finish_reason: 'stop' }] }, null, 2),
    ],
    ['values on a line each', FOUR.map((one) => `${JSON.stringify(one)}\n`).join('')],
  ])('%s', async (_name, body) => {
    for (const type of ['text/event-stream', 'application/json', 'text/plain'])
      expect(await complete(body, { type }), type).toMatchObject({ text: 'It is four.', finishReason: 'end' })
  })

  test('an end without a finish reason, or without a single choice, is none', async () => {
    await expect(complete(sse(FOUR.slice(0, 2), ''))).rejects.toMatchObject({ kind: 'interrupted' })
    await expect(complete(sse([{ choices: null }]))).rejects.toMatchObject({ kind: 'malformed' })
  })

  test('a broken character at the end of an answer that was cut is trimmed', async () => {
    const cut = await complete(sse([delta({ content: 'It is 4 \uFFFD' }, 'length')]))
    expect(cut).toMatchObject({ text: 'It is 4 ', finishReason: 'length' })
    expect(await complete(sse([delta({ content: 'It is \uFFFD' }, 'stop')]))).toMatchObject({
      text: 'It is \uFFFD',
    })
  })
})

describe('reasoning is kept apart from the text', () => {
  const call = (fields: readonly object[], finish = 'stop') =>
    complete(sse([...fields.map((one) => delta(one)), delta({ content: '' }, finish)]))

  test.each<[string, readonly object[]]>([
    [
      'reasoning (Ollama, newer vLLM)',
      [{ content: '', reasoning: 'Two ' }, { content: '', reasoning: 'twos.' }, { content: 'Four.' }],
    ],
    [
      'reasoning_content (llama.cpp, DeepSeek)',
      [{ content: null, reasoning_content: 'Two twos.' }, { content: 'Four.' }],
    ],
    [
      'both names at once',
      [{ reasoning: 'Two twos.', reasoning_content: 'Two twos.' }, { content: 'Four.' }],
    ],
    ['thinking', [{ thinking: 'Two twos.' }, { content: 'Four.' }]],
    [
      'parts (Mistral)',
      [
        { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Two twos.' }] }] },
        { content: [{ type: 'text', text: 'Four.' }] },
      ],
    ],
    [
      'marks in the content',
      [
        { content: '<thi' },
        { content: 'nk>Two' },
        { content: ' twos.</think' },
        { content: '>\n\nFo' },
        { content: 'ur.' },
      ],
    ],
    ['only the closing mark', [{ content: 'Two twos.\n' }, { content: '</think>\n\nFour.' }]],
    ['a field and, once more, marks', [{ reasoning: 'Two twos.' }, { content: '<think>\n</think>\nFour.' }]],
  ])('%s', async (_name, fields) => {
    const result = await call(fields)
    expect(result).toMatchObject({ text: 'Four.', reasoning: 'Two twos.', finishReason: 'end' })
    expect(result.unfinishedReasoning).toBeUndefined()
  })

  test.each<[string, readonly object[]]>([
    [
      'in a field',
      [
        { content: '', reasoning: 'Two ' },
        { content: '', reasoning: 'twos' },
      ],
    ],
    ['in marks', [{ content: '<think>Two ' }, { content: 'twos' }]],
  ])('reasoning that never ended, %s, leaves no text', async (_name, fields) => {
    expect(await call(fields, 'length')).toMatchObject({
      text: '',
      reasoning: 'Two twos',
      unfinishedReasoning: true,
      finishReason: 'length',
    })
  })

  test('reasoning that a server only counts leaves no text either', async () => {
    const usage = {
      prompt_tokens: 9,
      completion_tokens: 16,
      completion_tokens_details: { reasoning_tokens: 16 },
    }
    const result = await complete(sse([delta({ content: '' }, 'length'), { choices: [], usage }]))
    expect(result).toMatchObject({ text: '', unfinishedReasoning: true, tokens: 16 })
    expect(result.reasoning).toBeUndefined()
  })

  test('log-probabilities are those of the text, not of the reasoning', async () => {
    const tokens = (texts: readonly string[]) => ({
      content: texts.map((token) => ({ token, logprob: -1, top_logprobs: [{ token, logprob: -1 }] })),
    })
    const read = async (values: readonly object[]) =>
      (await complete(sse(values), { logProbs: 1 })).logProbs?.map(({ text }) => text)
    const step = (fields: object, texts: readonly string[], finish: string | null = null) => ({
      choices: [{ delta: fields, logprobs: tokens(texts), finish_reason: finish }],
    })
    expect(
      await read([step({ reasoning: 'Two' }, ['Two']), step({ content: 'Four' }, ['Fo', 'ur'], 'stop')]),
    ).toEqual(['Fo', 'ur'])
    expect(
      await read([
        step({ content: '<think>Two' }, ['<think>', 'Two']),
        step({ content: '</think>\nFour' }, ['</think>', '\n', 'Fo', 'ur'], 'stop'),
      ]),
    ).toEqual(['Fo', 'ur'])
    // A whole answer whose tokens include its reasoning and marks (vLLM).
    const whole = {
      choices: [
        {
          message: { content: 'Four', reasoning: 'Two' },
          logprobs: tokens(['<think>', 'Two', '</think>', 'Fo', 'ur']),
          finish_reason: 'stop',
        },
      ],
    }
    expect(
      (await complete(JSON.stringify(whole), { logProbs: 1 })).logProbs?.map(({ text }) => text),
    ).toEqual(['Fo', 'ur'])
  })
})

test('half a surrogate pair never reaches a server', async () => {
  await complete(sse(FOUR), {
    input: {
      kind: 'chat',
      messages: [
        { role: 'system', content: 'Fine 🙂' },
        { role: 'user', content: 'Broken \ud83d emoji \ude42' },
      ],
    },
  })
  expect(server.requests.at(-1)?.body['messages']).toEqual([
    { role: 'system', content: 'Fine 🙂' },
    { role: 'user', content: 'Broken \uFFFD emoji \uFFFD' },
  ])
})
