// Knows: a model hub as far as its protocol is used: an API that lists files page by page, small files served directly, large ones by a
// redirect to another host that supports ranges; and the failures of each. A stand-in for huggingface.co, over real HTTP.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HubModelStandIn {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly licence?: string
  readonly gated?: string
  readonly private?: boolean
}

/** Files of this size and above are stored on the other host, under their SHA-256. */
const LARGE = 1000
const EXPOSED =
  'X-Repo-Commit, X-Error-Code, ETag, Link, Accept-Ranges, Content-Range, X-Linked-Size, X-Linked-ETag'

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const gitOidOf = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
const commitOf = ({ files }: HubModelStandIn): string =>
  createHash('sha1')
    .update([...files].map(([path, bytes]) => `${path} ${sha256Of(bytes)}`).join('\n'))
    .digest('hex')

export class HubStandIn {
  /** Requests so far, as `host path range`; the host is `hub` or `cdn`. */
  readonly requests: string[] = []
  /** Entries of one page of a list. */
  pageSize = 1000
  /** The other host cuts the connection after this number of bytes of a response. */
  cutAfter = Number.POSITIVE_INFINITY
  /** Milliseconds between pieces of 16 KiB that the other host sends. */
  pauseMs = 0
  /** Changes a response of the API before it is sent. */
  tamper: (path: string, json: unknown) => unknown = (_, json) => json
  /** Changes the address of the list's next page. */
  nextPage: (address: string) => string = (address) => address
  /** Changes the bytes of a file before they are sent. */
  damage: (path: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes
  /** Responds with the returned status instead, if there is one. */
  refuse: (path: string) => number | undefined = () => undefined
  readonly #commits = new Map<string, HubModelStandIn>()
  readonly #heads = new Map<string, string>()
  readonly #servers: Server[] = []
  #hub = ''
  #cdn = ''

  get url(): string {
    return this.#hub
  }

  /** Sets the model's main branch; earlier commits stay. Returns the commit. */
  put(name: string, model: HubModelStandIn): string {
    const commit = commitOf(model)
    this.#commits.set(`${name}@${commit}`, model)
    this.#heads.set(name, commit)
    return commit
  }

  async open(): Promise<this> {
    this.#hub = await this.#listen((request, response) => this.#respondAsHub(request, response))
    this.#cdn = await this.#listen((request, response) => this.#respondAsCdn(request, response))
    return this
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  async #listen(respond: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(respond)
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a listening TCP server has one
  }

  #respondAsHub(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.#hub)
    this.requests.push(`hub ${url.pathname}${url.search} ${request.headers.range ?? ''}`.trim())
    response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*')
    response.setHeader('Access-Control-Expose-Headers', EXPOSED)
    const refused = this.refuse(url.pathname)
    if (refused !== undefined)
      return void response
        .writeHead(refused, { 'Content-Type': 'application/json' })
        .end('{"error":"refused"}')
    const [, name = '', kind, revision = 'main'] =
      /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree)\/([^/]+))?$/.exec(url.pathname) ?? []
    if (name !== '') return this.#respondAsApi(url, name, kind, decodeURIComponent(revision), response)
    const [, owner = '', rev = '', path = ''] =
      /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname) ?? []
    const found = this.#find(owner, decodeURIComponent(rev))
    const bytes = found?.model.files.get(decodeURIComponent(path))
    if (found === undefined || bytes === undefined)
      return void response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end('Entry not found')
    if (found.model.gated !== undefined)
      return void response.writeHead(401, { 'X-Error-Code': 'GatedRepo' }).end('restricted')
    response.setHeader('X-Repo-Commit', found.commit)
    if (bytes.length < LARGE)
      return send(request, response, this.damage(decodeURIComponent(path), bytes), `"${gitOidOf(bytes)}"`)
    response
      .writeHead(302, {
        'X-Linked-ETag': `"${sha256Of(bytes)}"`,
        'X-Linked-Size': bytes.length,
        Location: `${this.#cdn}/${sha256Of(bytes)}?${new URLSearchParams({ path: decodeURIComponent(path) }).toString()}`,
      })
      .end()
  }

  #find(name: string, revision: string): { model: HubModelStandIn; commit: string } | undefined {
    const commit = revision === 'main' ? this.#heads.get(name) : revision
    const model = this.#commits.get(`${name}@${commit}`)
    return model && commit !== undefined ? { model, commit } : undefined
  }

  #respondAsApi(
    url: URL,
    name: string,
    kind: string | undefined,
    revision: string,
    response: ServerResponse,
  ): void {
    const found = this.#find(name, revision)
    // A missing model looks like a private one.
    if (found === undefined)
      return void response
        .writeHead(this.#heads.has(name) ? 404 : 401, { 'Content-Type': 'application/json' })
        .end('{"error":"Invalid username or password."}')
    const { model, commit } = found
    const sendJson = (json: unknown): void =>
      void response.end(JSON.stringify(this.tamper(url.pathname, json)))
    response.setHeader('Content-Type', 'application/json')
    if (kind !== 'tree')
      return sendJson({
        _id: 'x',
        id: name,
        sha: commit,
        private: model.private ?? false,
        gated: model.gated ?? false,
        cardData: { license: model.licence },
      })
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const entries = [...model.files].slice(from, from + this.pageSize).flatMap(([path, bytes]) => [
      ...(path.includes('/')
        ? [
            {
              type: 'directory',
              oid: '0'.repeat(40),
              size: 0,
              path: path.split('/').slice(0, -1).join('/'),
            },
          ]
        : []),
      {
        type: 'file',
        path,
        size: bytes.length,
        oid: gitOidOf(bytes),
        ...(bytes.length < LARGE
          ? {}
          : { lfs: { oid: sha256Of(bytes), size: bytes.length, pointerSize: 134 } }),
      },
    ])
    if (from + this.pageSize < model.files.size)
      response.setHeader(
        'Link',
        `<${this.nextPage(`${this.#hub}${url.pathname}?recursive=true&cursor=${from + this.pageSize}`)}>; rel="next"`,
      )
    sendJson(entries)
  }

  #respondAsCdn(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.#cdn)
    this.requests.push(`cdn ${url.searchParams.get('path')} ${request.headers.range ?? ''}`.trim())
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Expose-Headers', EXPOSED)
    const digest = url.pathname.slice(1)
    const bytes = [...this.#commits.values()]
      .flatMap(({ files }) => [...files.values()])
      .find((file) => file.length >= LARGE && sha256Of(file) === digest)
    if (bytes === undefined) return void response.writeHead(403).end()
    send(
      request,
      response,
      this.damage(url.searchParams.get('path') ?? '', bytes),
      `"${digest}"`,
      this.cutAfter,
      this.pauseMs,
    )
  }
}

/** Sends bytes as a static host does, with ranges and a tag; cut or slowed down on request. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  tag: string,
  cutAfter = Number.POSITIVE_INFINITY,
  pauseMs = 0,
): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const from = range ? Number(range[1]) : 0
  const to = Math.min(bytes.length, range?.[2] ? Number(range[2]) + 1 : bytes.length)
  if (from >= bytes.length && range)
    return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end()
  response.writeHead(range ? 206 : 200, {
    ETag: tag,
    'Accept-Ranges': 'bytes',
    'Content-Type': 'application/octet-stream',
    'Content-Length': to - from,
    ...(range ? { 'Content-Range': `bytes ${from}-${to - 1}/${bytes.length}` } : {}),
  })
  const end = Math.min(to, from + cutAfter)
  const push = (at: number): void => {
    if (response.destroyed) return
    const next = pauseMs > 0 ? Math.min(end, at + 16_384) : end
    response.write(bytes.subarray(at, next), () => {
      if (next < end) return void setTimeout(() => push(next), pauseMs)
      if (end < to) return void setTimeout(() => response.destroy(), 20)
      response.end()
    })
  }
  push(from)
}
