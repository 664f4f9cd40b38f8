// Downloads against a server that behaves like a hub: redirects, ranges, cuts in the middle, changes, refusals.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAddress } from '../../../workers/teachers/address-source.ts'
import { fetchModel, nameInAddress, type DownloadPart } from '../../../workers/teachers/fetch-model.ts'

const CONTENTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 251)
let server: Server
let base: string
let ranges: (string | undefined)[]
let handle: (request: IncomingMessage, response: ServerResponse) => void

beforeEach(async () => {
  ranges = []
  server = createServer((request, response) => {
    ranges.push(request.headers.range)
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** Sends the contents as a hub does: ranges, an ETag; cut after `limit` bytes of this response. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  {
    limit = Infinity,
    tag = '"v1"',
    contents = CONTENTS,
  }: { limit?: number; tag?: string; contents?: Uint8Array } = {},
): void {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const from = match ? Number(match[1]) : 0
  const to = match?.[2] ? Number(match[2]) + 1 : contents.length
  if (from >= contents.length)
    return void response.writeHead(416, { 'Content-Range': `bytes */${contents.length}` }).end()
  response.writeHead(match ? 206 : 200, {
    ETag: tag,
    'Accept-Ranges': 'bytes',
    'Content-Length': to - from,
    ...(match ? { 'Content-Range': `bytes ${from}-${to - 1}/${contents.length}` } : {}),
  })
  const part = contents.subarray(from, Math.min(to, from + limit))
  if (part.length < to - from) response.write(part, () => setTimeout(() => response.destroy(), 20))
  else response.end(part)
}

function makePart(bytes: Uint8Array = new Uint8Array(0), tag = ''): DownloadPart & { whole(): Uint8Array } {
  let stored = [...bytes]
  let version = tag
  return {
    get bytes() {
      return stored.length
    },
    get tag() {
      return version
    },
    async restart(keep, next) {
      stored = stored.slice(0, keep)
      version = next
    },
    async append(piece) {
      for (const byte of piece) stored.push(byte)
    },
    whole: () => Uint8Array.from(stored),
  }
}
const quick = { pauseMs: 1 }

test('follows a redirect, downloads the whole file and reports progress', async () => {
  handle = (request, response) =>
    request.url === '/model.gguf'
      ? response.writeHead(302, { Location: '/elsewhere/blob' }).end()
      : send(request, response)
  const part = makePart()
  const reported: number[] = []
  expect(
    await fetchModel(`${base}/model.gguf`, part, { ...quick, onProgress: (done) => reported.push(done) }),
  ).toBe(CONTENTS.length)
  expect(part.whole()).toEqual(CONTENTS)
  expect(reported.at(-1)).toBe(CONTENTS.length)
})

test('resumes after a cut connection and never requests a byte twice', async () => {
  handle = (request, response) => send(request, response, { limit: 90_000 })
  const part = makePart()
  await fetchModel(`${base}/m.gguf`, part, quick)
  expect(part.whole()).toEqual(CONTENTS)
  expect(ranges).toEqual([undefined, 'bytes=90000-', 'bytes=180000-', 'bytes=270000-'])
})

test('resumes from the part that an earlier visit left', async () => {
  handle = (request, response) => send(request, response)
  const part = makePart(CONTENTS.subarray(0, 120_000), '"v1"')
  await fetchModel(`${base}/m.gguf`, part, quick)
  expect(ranges).toEqual(['bytes=120000-'])
  expect(part.whole()).toEqual(CONTENTS)
})

test('starts again if the file changed, without mixing versions', async () => {
  const changed = CONTENTS.map((byte) => 255 - byte)
  handle = (request, response) => send(request, response, { tag: '"v2"', contents: changed })
  const part = makePart(CONTENTS.subarray(0, 120_000), '"v1"')
  await fetchModel(`${base}/m.gguf`, part, quick)
  expect(part.whole()).toEqual(changed)
})

test('downloads from the start if the server does not support ranges', async () => {
  handle = (_request, response) =>
    void response.writeHead(200, { 'Content-Length': CONTENTS.length }).end(CONTENTS)
  const part = makePart(CONTENTS.subarray(0, 1000), '')
  await fetchModel(`${base}/m.gguf`, part, quick)
  expect(part.whole()).toEqual(CONTENTS)
})

test('does not download a complete part again', async () => {
  handle = (request, response) => send(request, response)
  const part = makePart(CONTENTS, '"v1"')
  expect(await fetchModel(`${base}/m.gguf`, part, quick)).toBe(CONTENTS.length)
})

test.each([
  [401, /does not serve this file publicly/],
  [404, /no file at this address/],
  [400, /refused the download/],
])('reports status %i in a sentence without a retry', async (status, sentence) => {
  handle = (_request, response) => void response.writeHead(status).end('no')
  await expect(fetchModel(`${base}/m.gguf`, makePart(), quick)).rejects.toMatchObject({
    name: 'DownloadFailed',
    message: expect.stringMatching(sentence),
  })
  expect(ranges.length).toBe(1)
})

test('refuses a web page instead of a file', async () => {
  handle = (_request, response) =>
    void response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<html>')
  await expect(fetchModel(`${base}/m.gguf`, makePart(), quick)).rejects.toThrow(
    /a web page, not a model file/,
  )
})

test('gives up after a few attempts and keeps the bytes so far', async () => {
  let responses = 0
  handle = (request, response) =>
    responses++ === 0 ? send(request, response, { limit: 5000 }) : void response.writeHead(503).end()
  const part = makePart()
  await expect(fetchModel(`${base}/m.gguf`, part, { ...quick, attempts: 3 })).rejects.toThrow(
    /the server responded with 503\. 5000 bytes are stored/,
  )
  expect(part.bytes).toBe(5000)
})

test('stops at once on abort and keeps the bytes so far', async () => {
  handle = (request, response) => send(request, response, { limit: 50_000 })
  const stop = new AbortController()
  const part = makePart()
  const download = fetchModel(`${base}/m.gguf`, part, {
    pauseMs: 60_000,
    signal: stop.signal,
    onProgress: (done) => done >= 50_000 && setTimeout(() => stop.abort(), 5),
  })
  await expect(download).rejects.toMatchObject({ name: 'AbortError' })
  expect(part.bytes).toBeGreaterThan(0)
})

test('refuses an invalid address before any request', async () => {
  await expect(fetchModel('file:///etc/passwd', makePart(), quick)).rejects.toThrow(/is not a web address/)
  await expect(fetchModel('hello', makePart(), quick)).rejects.toThrow(/is not a web address/)
  expect(ranges).toEqual([])
})

test('reads parts by ranges, or by cancelling the response if ranges are not supported', async () => {
  handle = (request, response) => send(request, response)
  const ranged = await openAddress(`${base}/some%20model.gguf`)
  expect([ranged.name, ranged.size]).toEqual(['some model.gguf', CONTENTS.length])
  expect(await ranged.read(1000, 3000)).toEqual(CONTENTS.slice(1000, 3000))
  handle = (_request, response) =>
    void response.writeHead(200, { 'Content-Length': CONTENTS.length }).end(CONTENTS)
  const plain = await openAddress(`${base}/m.gguf`)
  expect(plain.size).toBe(CONTENTS.length)
  expect(await plain.read(1000, 3000)).toEqual(CONTENTS.slice(1000, 3000))
})

test('takes the last part of an address as the name', () => {
  expect(nameInAddress('https://example.org/a/b/model.Q4_1.gguf?download=true')).toBe('model.Q4_1.gguf')
  expect(nameInAddress('https://example.org/')).toBe('model.gguf')
})
