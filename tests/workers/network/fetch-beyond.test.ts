// Knows: that a request through the network worker behaves like `fetch`: bodies, backpressure, aborts, errors; and what the page is reported.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Permission, Traffic } from '../../../src/domain/traffic.ts'
import { connect, portOf, serve, type Connection } from '../../../src/protocol/channel.ts'
import type { FetchContract, NetworkContract } from '../../../src/protocol/network.ts'
import { fetchOver, type BeyondInit } from '../../../workers/network/fetch-beyond.ts'
import { makeNetworkService } from '../../../workers/network/serve-network.ts'

/** Much more than the system holds between two sockets. */
const LARGE = 80 * 1024 * 1024
let server: Server
let origin = ''
const received: { url: string; body: string }[] = []
/** Bytes of the large body that the server could write. */
let written = 0

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => (body += String(piece)))
    request.on('end', () => {
      received.push({ url: request.url ?? '', body })
      if (request.url === '/large') {
        response.setHeader('Content-Length', LARGE)
        const send = (): void => {
          while (written < LARGE) {
            const piece = Buffer.alloc(65536, written / 65536)
            written += piece.length
            if (!response.write(piece)) return void response.once('drain', send)
          }
          response.end()
        }
        send()
      } else if (request.url === '/broken') {
        response.setHeader('Content-Length', 100)
        response.write('half')
        setTimeout(() => response.destroy(), 20)
      } else if (request.url === '/silent') return
      else if (request.url === '/moved') response.writeHead(302, { Location: '/here' }).end()
      else if (request.url === '/none') response.writeHead(204).end()
      else response.writeHead(200, { 'X-Kind': 'echo' }).end(`${request.method} ${body}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  origin = `http://127.0.0.1:${port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

let client: Connection<FetchContract>
let page: Connection<NetworkContract>
const traffic = new Map<number, Traffic>()
beforeEach(async () => {
  received.length = 0
  written = 0
  traffic.clear()
  const ends = new MessageChannel()
  serve<NetworkContract>(makeNetworkService(fetch), portOf(ends.port1))
  page = connect<NetworkContract>(portOf(ends.port2))
  const { port1, port2 } = new MessageChannel()
  page.remote
    .connect({ port: port1 }, { transfer: [port1], onEvent: (event) => void traffic.set(event.id, event) })
    .catch(() => undefined)
  client = connect<FetchContract>(portOf(port2))
  return () => {
    for (const port of [ends.port1, ends.port2, port2]) port.close()
  }
})

/** Permits until the returned function is called. */
async function allow(permission: Partial<Permission> = {}): Promise<() => Promise<unknown>> {
  const abort = new AbortController()
  let done: Promise<unknown> = Promise.resolve()
  await new Promise<void>((resolve) => {
    done = page.remote.allow(
      { purpose: 'hub', addresses: [`${origin}/`], sends: false, ...permission },
      { signal: abort.signal, onEvent: () => resolve() },
    )
  })
  return () => {
    abort.abort()
    return done
  }
}
const get = (path: string, init: BeyondInit = {}): Promise<Response> => fetchOver(client, origin + path, init)

describe('a request through the network worker', () => {
  test('returns status, headers and body, and reports what went to whom', async () => {
    await allow({ purpose: 'server', sends: true, key: 'k' })
    const response = await get('/echo', {
      method: 'POST',
      body: 'a prompt',
      headers: { Authorization: 'Bearer k' },
    })
    expect([response.status, response.headers.get('X-Kind'), await response.text()]).toEqual([
      200,
      'echo',
      'POST a prompt',
    ])
    await expect
      .poll(() => [...traffic.values()])
      .toEqual([
        {
          id: 1,
          purpose: 'server',
          method: 'POST',
          host: new URL(origin).host,
          sentBytes: `POST ${origin}/echo`.length + 'Authorization: Bearer k\r\n'.length + 'a prompt'.length,
          receivedBytes: 13,
          status: 'finished',
        },
      ])
    expect((await get('/none')).body).toBe(null)
  })

  test('sends nothing without a permission, nor after its end', async () => {
    await expect(get('/echo')).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringContaining('not sent'),
    })
    const end = await allow()
    expect((await get('/echo')).status).toBe(200)
    await end()
    await expect(get('/echo')).rejects.toMatchObject({ name: 'DownloadFailed' })
    expect(received).toHaveLength(1)
    expect([...traffic.values()].map(({ status, sentBytes }) => [status, sentBytes > 0])).toEqual([
      ['refused', false],
      ['finished', true],
      ['refused', false],
    ])
  })

  test('passes a large body on whole, and does not read far ahead of its reader', async () => {
    await allow()
    const response = await get('/large')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(written).toBeLessThan(LARGE / 2 + 4 * 1024 * 1024)
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect(bytes.length).toBe(LARGE)
    for (let i = 0; i < LARGE; i += 65536) expect(bytes[i]).toBe((i / 65536) % 256)
  })

  test('fails as fetch does: a TypeError without a response, and in the middle of a body', async () => {
    await allow({ addresses: ['http://127.0.0.1:1/', `${origin}/`] })
    await expect(fetchOver(client, 'http://127.0.0.1:1/', {})).rejects.toBeInstanceOf(TypeError)
    const response = await get('/broken')
    await expect(response.text()).rejects.toBeInstanceOf(TypeError)
    await expect.poll(() => [...traffic.values()].map(({ status }) => status)).toEqual(['failed', 'failed'])
  })

  test('follows a redirect of a download, and refuses one of a server', async () => {
    const end = await allow()
    expect(await (await get('/moved')).text()).toBe('GET ')
    await expect(get('/moved', { redirect: 'error' })).rejects.toBeInstanceOf(TypeError)
    await end()
    await allow({ purpose: 'server', sends: true })
    await expect(get('/moved')).rejects.toBeInstanceOf(TypeError)
  })

  test('stops at an abort, before the response and in its body', async () => {
    await allow()
    const before = new AbortController()
    const pending = get('/silent', { signal: before.signal })
    setTimeout(() => before.abort(), 20)
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    const within = new AbortController()
    const response = await get('/large', { signal: within.signal })
    within.abort()
    await expect(response.arrayBuffer()).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(() => [...traffic.values()].map(({ status }) => status)).toEqual(['stopped', 'stopped'])
    expect(written).toBeLessThan(LARGE)
  })

  test('cancels a body that is not read to its end', async () => {
    await allow()
    await (await get('/large')).body?.cancel()
    await expect.poll(() => traffic.get(1)?.status).toBe('stopped')
  })

  test('shares the way out with another worker', async () => {
    await allow()
    const { port1, port2 } = new MessageChannel()
    await client.remote.share({ port: port1 }, { transfer: [port1] })
    const other = connect<FetchContract>(portOf(port2))
    expect((await fetchOver(other, `${origin}/echo`, {})).status).toBe(200)
    port2.close()
  })
})
