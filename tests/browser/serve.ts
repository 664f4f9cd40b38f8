// Knows: how a built folder is served as a static host would serve it: under some path, with or without headers, with models.
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { extname, join, normalize, sep } from 'node:path'
import { headersOf } from '../../workers/hosting/headers.ts'
import { serveModels } from '../../workers/hosting/models-plugin.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.yaml': 'text/yaml',
}

export interface Site {
  /** Address of the page, with a slash at its end. */
  readonly url: string
  /** Paths requested so far, relative to the page's folder. */
  readonly requested: readonly string[]
  close(): Promise<void>
}

/**
 * Serves a folder on a free port.
 * @param options.under path with slashes at both ends
 * @param options.headers whether the host sends isolation headers and a policy, or which headers; a plain static host sends none
 */
export async function serveFolder(
  folder: string,
  options: {
    under?: string
    headers?: boolean | Readonly<Record<string, string>>
    models?: readonly string[]
  } = {},
): Promise<Site> {
  const { under = '/', headers = true, models = [] } = options
  const requested: string[] = []
  const serveModelFiles = serveModels(models)
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (!pathname.startsWith(under)) {
      response.statusCode = 404
      return void response.end('outside the site')
    }
    const path = decodeURIComponent(pathname.slice(under.length))
    requested.push(path)
    const sent = headers === true ? headersOf(path) : headers === false ? {} : headers
    for (const [name, value] of Object.entries(sent)) response.setHeader(name, value)
    if (path.startsWith('models/')) {
      request.url = `/${path}`
      return serveModelFiles(request, response, () => response.writeHead(404).end())
    }
    const file = normalize(join(folder, path === '' ? 'index.html' : path))
    const facts = file.startsWith(folder.endsWith(sep) ? folder : folder + sep)
      ? statSync(file, { throwIfNoEntry: false })
      : undefined
    if (facts?.isFile() !== true) {
      response.statusCode = 404
      return void response.end('not found')
    }
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream')
    response.setHeader('Content-Length', facts.size)
    response.setHeader(
      'Cache-Control',
      path.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    )
    if (facts.size < 1 << 20) return void response.end(readFileSync(file))
    createReadStream(file).pipe(response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  return {
    url: `http://localhost:${port}${under}`,
    requested,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
