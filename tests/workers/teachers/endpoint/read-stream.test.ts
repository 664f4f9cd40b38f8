// Bodies of every form that servers send, split anywhere; and that a slow stream of one long line costs no more than its length.
import { describe, expect, test } from 'vitest'
import { readStream } from '../../../../workers/teachers/endpoint/read-stream.ts'

const BOUNDS = { bytes: 2 ** 22, line: 2 ** 20, firstByteTimeoutMs: 1000, stallTimeoutMs: 1000 }

function bodyOf(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, (at += size)))
    },
  })
}

/** The values, and the kind of the error at the end. */
async function read(
  text: string,
  size = 1000,
  bounds = BOUNDS,
): Promise<{ values: string[]; end: string | undefined }> {
  const values: string[] = []
  try {
    for await (const value of readStream(bodyOf(text, size), bounds, new AbortController().signal))
      values.push(value)
  } catch (thrown) {
    return { values, end: (thrown as { kind?: string }).kind ?? String(thrown) }
  }
  return { values, end: undefined }
}

const EVENTS = ['{"a":"Grüße"}', '{"b":"水"}', '{"c":3}']

test('reads the same events however the bytes are split, even inside a letter', async () => {
  for (const mark of ['\r\n', '\n', '\r'])
    for (let size = 1; size < 40; size++) {
      const text = [
        ': hello',
        '',
        ...EVENTS.flatMap((event) => ['event: x', `data: ${event}`, '']),
        'data: [DONE]',
        '',
      ]
      expect(await read(text.join(mark), size), `${mark.length} ${size}`).toEqual({
        values: EVENTS,
        end: undefined,
      })
    }
})

test.each([
  [
    'an event in several lines of data',
    'data: {"a":\ndata: "x"}\n\ndata: {"b":1}\n\ndata: [DONE]\n\n',
    ['{"a":\n"x"}', '{"b":1}'],
  ],
  [
    'no empty line between events',
    'data: {"a":"}"}\ndata: {"b":[1]}\ndata: [DONE]\n',
    ['{"a":"}"}', '{"b":[1]}'],
  ],
  ['no blank after the colon', 'data:{"a":1}\n\ndata:[DONE]\n\n', ['{"a":1}']],
  [
    'comments and blanks before the first event',
    '\n\n: OPENROUTER PROCESSING\n\ndata: {"a":1}\n\ndata: [DONE]',
    ['{"a":1}'],
  ],
  ['one whole response', '\n{"a": {"b": "}{"}}\n', ['\n{"a": {"b": "}{"}}']],
  ['a response over several lines', '{\n "a": 1\n}', ['{\n "a": 1\n}']],
  ['what is not JSON', '<html></html>', ['<html></html>']],
])('reads %s, in pieces of any size', async (_name, text, values) => {
  for (const size of [1, 2, 3, 7, 1000]) expect(await read(text, size)).toEqual({ values, end: undefined })
})

test('reads values on one line each, and reports that no mark ended them', async () => {
  const text = '{"a":"\\"}{"}\n{"b":2}\n'
  for (const size of [1, 5, 1000])
    expect(await read(text, size)).toEqual({ values: ['{"a":"\\"}{"}', '\n{"b":2}'], end: 'interrupted' })
  expect(await read('{"a":1}\n{"b":')).toEqual({ values: ['{"a":1}'], end: 'interrupted' })
})

test.each([
  ['data: {"a":1}\n\n', ['{"a":1}'], 'interrupted'],
  ['data: {"a":1}', ['{"a":1}'], 'interrupted'],
  ['', [], 'interrupted'],
  ['Service Unavailable', ['Service Unavailable'], 'interrupted'],
])('reports an end without a mark: %j', async (text, values, end) => {
  expect(await read(text)).toEqual({ values, end })
})

describe('bounds', () => {
  test('refuses an endless line and an endless event', async () => {
    const bounds = { ...BOUNDS, line: 1000 }
    expect((await read(`data: ${'x'.repeat(2000)}`, 10, bounds)).end).toBe('malformed')
    expect((await read('data: {\n'.repeat(2000), 10, bounds)).end).toBe('malformed')
  })

  test('a long line in small pieces costs as much as in large ones', async () => {
    const text = `data: ${JSON.stringify({ text: 'x'.repeat(400_000) })}\n\ndata: [DONE]\n\n`
    // Searching the whole open line for each piece would search this many characters, 5 billion, instead of 400,000.
    const { values } = await read(text, 16)
    expect(values[0]?.length).toBeGreaterThan(400_000)
  })
})
