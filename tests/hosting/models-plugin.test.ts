// Knows: how the local servers serve model files, and that they serve nothing else.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listModels, readRange, serveModels } from '../../workers/hosting/models-plugin.ts'

let folder: string
let server: Server
let port: number
const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'retort-models-'))
  mkdirSync(join(folder, 'a/deeper.gguf'), { recursive: true })
  mkdirSync(join(folder, 'b'))
  writeFileSync(join(folder, 'a/one two.gguf'), bytes)
  writeFileSync(join(folder, 'a/notes.txt'), 'not a model')
  writeFileSync(join(folder, 'b/one two.gguf'), 'hidden by the first folder')
  writeFileSync(join(folder, 'b/Two.GGUF'), '')
  writeFileSync(join(folder, 'secret.gguf'), 'outside')
  const handle = serveModels([join(folder, 'a'), join(folder, 'missing'), join(folder, 'b')])
  server = createServer((incoming, response) =>
    handle(incoming, response, () => response.writeHead(599).end('passed on')),
  )
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  port = (server.address() as AddressInfo).port // a listening TCP server has one
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A request whose path is sent exactly as written: fetch would resolve `..`. */
const send = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
    (resolve, reject) => {
      const outgoing = request({ host: 'localhost', port, path, headers, method }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts),
          }),
        )
      })
      outgoing.on('error', reject)
      outgoing.end()
    },
  )

describe('models in the models folders', () => {
  test('lists name, size and address, the first folder first', async () => {
    const { body, headers } = await send('/models/index.json')
    expect(JSON.parse(body.toString())).toEqual([
      { name: 'one two.gguf', bytes: 1000, url: 'models/one%20two.gguf' },
      { name: 'Two.GGUF', bytes: 0, url: 'models/Two.GGUF' },
    ])
    expect(headers['cross-origin-resource-policy']).toBe('same-origin')
  })

  test('sends models whole and in ranges', async () => {
    const whole = await send('/models/one%20two.gguf')
    expect([whole.status, whole.body.equals(bytes), whole.headers['accept-ranges']]).toEqual([
      200,
      true,
      'bytes',
    ])
    const part = await send('/models/one%20two.gguf', { Range: 'bytes=10-19' })
    expect([part.status, part.headers['content-range'], part.body.equals(bytes.subarray(10, 20))]).toEqual([
      206,
      'bytes 10-19/1000',
      true,
    ])
    const rest = await send('/models/one%20two.gguf', { Range: 'bytes=990-' })
    expect(rest.body.equals(bytes.subarray(990))).toBe(true)
    const beyond = await send('/models/one%20two.gguf', { Range: 'bytes=1000-' })
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */1000'])
  })

  test('sends the size on HEAD, and empty models too', async () => {
    const head = await send('/models/one%20two.gguf', {}, 'HEAD')
    expect([head.headers['content-length'], head.body.length]).toEqual(['1000', 0])
    expect((await send('/models/Two.GGUF')).status).toBe(200)
  })

  test.each([
    '/models/../secret.gguf',
    '/models/..%2fsecret.gguf',
    '/models/%2e%2e/secret.gguf',
    '/models/notes.txt',
    '/models/deeper.gguf',
    '/models/',
    '/models/%E0%A4%A',
    '/models/..%5csecret.gguf',
  ])('does not serve %s', async (path) => {
    expect((await send(path)).status).toBe(404)
  })

  test('passes other paths and methods on', async () => {
    expect((await send('/index.html')).status).toBe(599)
    expect((await send('/models/index.json', {}, 'POST')).status).toBe(599)
  })

  test('lists nothing without a folder', () => {
    expect(listModels([join(folder, 'missing')]).size).toBe(0)
  })
})

describe('readRange', () => {
  test('returns a range within the file for any header', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,9}-\d{0,9}$/)),
        fc.nat(5000),
        (header, size) => {
          const range = readRange(header, size)
          if (typeof range === 'object')
            expect(range.from >= 0 && range.from <= range.to && range.to < size).toBe(true)
        },
      ),
    )
  })
  test('counts from the end', () => {
    expect(readRange('bytes=-10', 1000)).toEqual({ from: 990, to: 999 })
  })
})
