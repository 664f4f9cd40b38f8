// Knows: the `models` folders next to the project, and how the local servers serve their files to the page.
// Must not know: what a model file contains. The built page never includes one.
import { createReadStream, readdirSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { ISOLATION_HEADERS } from './headers.ts'

/** A model as `models/index.json` lists it. `url` is relative to the page. */
export interface ListedModel {
  readonly name: string
  readonly bytes: number
  readonly url: string
}

const MODEL_FILE = /^[^/\\]+\.gguf$/i

/** The model files directly in the folders, by name; the first folder that has a name wins. */
export function listModels(folders: readonly string[]): Map<string, { path: string; bytes: number }> {
  const found = new Map<string, { path: string; bytes: number }>()
  for (const folder of folders) {
    let names: string[] = []
    try {
      names = readdirSync(folder).filter((name) => MODEL_FILE.test(name))
    } catch {
      continue // the folder is optional
    }
    for (const name of names.toSorted()) {
      const path = join(folder, name)
      const facts = statSync(path, { throwIfNoEntry: false })
      if (facts?.isFile() === true && !found.has(name)) found.set(name, { path, bytes: facts.size })
    }
  }
  return found
}

/** A `Range` header as first and last byte; `undefined` without a range, `'unsatisfiable'` if it is outside the file. One range only. */
export function readRange(
  header: string | undefined,
  bytes: number,
): { from: number; to: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const to = first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  return from <= to && from < bytes ? { from, to } : 'unsatisfiable'
}

/**
 * Serves `models/index.json` and `models/<name>`, with ranges; passes any other request to `next`.
 * A name is looked up in the listing and never joined to a path, so nothing outside the folders can be requested.
 */
export function serveModels(folders: readonly string[]) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const match = /^\/models\/([^?#]*)/.exec(request.url ?? '')
    if (match === null || (request.method !== 'GET' && request.method !== 'HEAD')) return next()
    for (const [name, value] of Object.entries(ISOLATION_HEADERS)) response.setHeader(name, value)
    response.setHeader('Cache-Control', 'no-store')
    const models = listModels(folders)
    let requested = ''
    try {
      requested = decodeURIComponent(match[1] ?? '')
    } catch {
      // a malformed name stays empty and is not found
    }
    if (requested === 'index.json') {
      const listed: ListedModel[] = [...models].map(([name, { bytes }]) => ({
        name,
        bytes,
        url: `models/${encodeURIComponent(name)}`,
      }))
      response.setHeader('Content-Type', 'application/json')
      return void response.end(JSON.stringify(listed))
    }
    const model = models.get(requested)
    if (model === undefined) {
      response.statusCode = 404
      return void response.end('The models folder has no such model.')
    }
    const range = readRange(request.headers.range, model.bytes)
    response.setHeader('Accept-Ranges', 'bytes')
    response.setHeader('Content-Type', 'application/octet-stream')
    if (range === 'unsatisfiable') {
      response.statusCode = 416
      response.setHeader('Content-Range', `bytes */${model.bytes}`)
      return void response.end()
    }
    const { from, to } = range ?? { from: 0, to: model.bytes - 1 }
    if (range !== undefined) {
      response.statusCode = 206
      response.setHeader('Content-Range', `bytes ${from}-${to}/${model.bytes}`)
    }
    response.setHeader('Content-Length', to - from + 1)
    if (request.method === 'HEAD' || model.bytes === 0) return void response.end()
    const stream = createReadStream(model.path, { start: from, end: to })
    response.on('close', () => stream.destroy())
    stream.on('error', () => response.destroy())
    stream.pipe(response)
  }
}

/**
 * Lists and serves the folders' models under `models/` in development and preview.
 * The build gets an empty list, so that the page's request succeeds on any host.
 */
export function localModels(folders: readonly string[]): Plugin {
  return {
    name: 'retort:models',
    generateBundle() {
      if (this.environment.config.isWorker) return
      this.emitFile({ type: 'asset', fileName: 'models/index.json', source: '[]' })
    },
    configureServer: (server) => void server.middlewares.use(serveModels(folders)),
    configurePreviewServer: (server) => void server.middlewares.use(serveModels(folders)),
  }
}
