// Knows: that a host that falls silent, before its response or within it, ends a request like a broken connection; that a slow reader does not;
// and what downloads and headers make of it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openAddress } from '../../../workers/teachers/address-source.ts'
import { openMemoryPart } from '../../../workers/teachers/download-parts.ts'
import { fetchModel } from '../../../workers/teachers/fetch-model.ts'
import { fetchWatched } from '../../../workers/network/fetch-watched.ts'

const URL_OF_FILE = 'https://models.example/m.gguf'
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A response that sends these pieces and then nothing more, or its end. */
function stream(pieces: readonly string[], ends: boolean): Response {
  const left = [...pieces]
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = left.shift()
        if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece))
        else if (ends) controller.close()
        else return new Promise(() => undefined)
      },
    }),
    { headers: { 'Content-Length': '10' } },
  )
}
/** Like a browser: silent until its signal aborts. */
const silent = (_url: string, { signal }: { signal?: AbortSignal } = {}): Promise<Response> =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
  })
async function endOf(work: Promise<unknown>, ms: number): Promise<unknown> {
  let end: unknown = 'waits'
  work.then(
    (value) => (end = value),
    (thrown: unknown) => (end = thrown),
  )
  for (let at = 0; at < ms; at += 500) {
    await vi.advanceTimersByTimeAsync(500)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return end
}

test('a host that never responds is given up after half a minute', async () => {
  let given: AbortSignal | undefined
  const request = fetchWatched(
    URL_OF_FILE,
    {},
    { send: (url, init) => silent(url, { signal: (given = init.signal!) }) },
  )
  expect(await endOf(request, 29_000)).toBe('waits')
  expect(await endOf(request, 2000)).toMatchObject({
    name: 'TypeError',
    message: 'nothing came for 30 seconds',
  })
  expect(given?.aborted).toBe(true)
})

test('a body that stops in the middle is given up, and what came before is read', async () => {
  const response = await fetchWatched(URL_OF_FILE, {}, { send: async () => stream(['12', '34'], false) })
  const reader = response.body!.getReader()
  expect([(await reader.read()).value?.length, (await reader.read()).value?.length]).toEqual([2, 2])
  expect(await endOf(reader.read(), 31_000)).toMatchObject({ name: 'TypeError' })
})

test('a reader that takes its time is no silence', async () => {
  const response = await fetchWatched(URL_OF_FILE, {}, { send: async () => stream(['12', '34'], true) })
  const reader = response.body!.getReader()
  await reader.read()
  await vi.advanceTimersByTimeAsync(600_000)
  expect((await reader.read()).value?.length).toBe(2)
  expect((await reader.read()).done).toBe(true)
})

test('a stop is a stop, not silence', async () => {
  const abort = new AbortController()
  const request = fetchWatched(URL_OF_FILE, { signal: abort.signal }, { send: silent })
  abort.abort()
  expect(await endOf(request, 500)).toMatchObject({ name: 'AbortError' })
})

test('a download resumes after silence, and ends with a sentence that counts what is stored', async () => {
  const responses = [() => stream(['12345'], false), () => silent(URL_OF_FILE)]
  vi.stubGlobal('fetch', async (_url: string, init: RequestInit) =>
    responses.length > 0 ? responses.shift()?.() : silent('', init as { signal: AbortSignal }),
  )
  const part = openMemoryPart()
  const end = await endOf(fetchModel(URL_OF_FILE, part, { attempts: 2, pauseMs: 1 }), 200_000)
  expect(part.bytes).toBe(5)
  expect(end).toMatchObject({
    name: 'DownloadFailed',
    message: expect.stringMatching(
      /models\.example failed: nothing came for 30 seconds\. 5 bytes are stored/,
    ),
  })
})

test('a header at an address that never responds is refused with a sentence', async () => {
  vi.stubGlobal('fetch', silent)
  expect(await endOf(openAddress(URL_OF_FILE), 70_000)).toMatchObject({
    name: 'DownloadFailed',
    message: expect.stringMatching(/^models\.example did not respond/),
  })
})
