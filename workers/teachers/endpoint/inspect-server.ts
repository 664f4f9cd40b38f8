// Knows: what a server reports about its models without generating anything: its list, and programs' own endpoints.
import { hashOf } from '../../../src/domain/hash.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ServedModel, ServedModels } from '../../../src/protocol/teacher.ts'
import { isOwnOllama, listBases } from './address.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { ServerError } from './server-error.ts'
import { parseLlamaProps, parseLmStudio, parseModels, parseOllama, type ModelInfo } from './parse.ts'

export interface InspectedModel {
  readonly card: ModelCard
  readonly owner: string
  /** Requests that the server works on at once, if it reports them. */
  readonly slots?: number
}

/** Rethrows a server error as one of the program's errors, for requests before a model is in use. */
export async function withNamedServerErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof ServerError)) throw thrown
    throw new RetortError(
      ['refused', 'denied', 'malformed', 'blocked'].includes(thrown.kind) ? 'ModelRefused' : 'DownloadFailed',
      thrown.message,
      { cause: thrown },
    )
  }
}

/** Milliseconds until a list's first byte. */
const LIST_TIMEOUT_MS = 15_000

/** Of failures at several addresses of one server, the clearest first. */
const CLEARNESS: readonly ServerError['kind'][] = [
  'denied',
  'overloaded',
  'failed',
  'refused',
  'malformed',
  'interrupted',
  'unreachable',
]

const pathOfList = (base: string): string =>
  `${new URL(base).pathname.replace(/\/$/, '')}/${isOwnOllama(base) ? 'tags' : 'models'}`

/** A response, but not that of such a server. */
const UNSUITABLE: ReadonlySet<ServerError['kind']> = new Set(['denied', 'refused', 'malformed'])

/**
 * The models at a typed address: the first of its meanings that lists any, else the first that responds with a list. Throws
 * `DownloadFailed` if nothing responds, `ModelRefused` if the address is invalid, the browser blocks it or no response is a list.
 */
export const findServedModels = (
  { url, key }: { readonly url: string; readonly key?: string },
  signal: AbortSignal,
  options: ConnectionOptions = {},
): Promise<ServedModels> =>
  withNamedServerErrors(async () => {
    const failures: ServerError[] = []
    const tried: string[] = []
    const silent = new Set<string>()
    let responded: string | undefined
    let empty: ServedModels | undefined
    for (const base of listBases(url)) {
      const { origin, protocol } = new URL(base)
      if (silent.has(origin) || (responded !== undefined && responded !== protocol)) continue
      tried.push(base)
      try {
        const connection = new Connection(base, key, { firstByteTimeoutMs: LIST_TIMEOUT_MS, ...options })
        const models = parseModels(await connection.request('/models', signal))
        if (models.length > 0) return { url: base, models }
        empty ??= { url: base, models }
      } catch (thrown) {
        if (!(thrown instanceof ServerError)) throw thrown
        failures.push(thrown)
        // A host that keeps the page waiting does so at every path; a server that wants a key wants it everywhere.
        if (thrown.kind === 'interrupted') silent.add(origin)
        if (UNSUITABLE.has(thrown.kind)) responded = protocol // so the other scheme is of no use
        if (thrown.kind === 'blocked' || (thrown.kind === 'denied' && !thrown.isMissing)) throw thrown
      }
    }
    if (empty !== undefined) return empty
    if (failures.some(({ isMissing }) => isMissing) && failures.every(({ kind }) => UNSUITABLE.has(kind)))
      throw new ServerError(
        'denied',
        `${new URL(tried[0] ?? '').host} responds, but lists no models at ${tried.map(pathOfList).join(', ')}. Enter the address that the program’s documentation gives for OpenAI’s protocol.`,
      )
    const [worst] = failures.toSorted((a, b) => CLEARNESS.indexOf(a.kind) - CLEARNESS.indexOf(b.kind))
    throw worst ?? new RangeError('An address has at least one meaning.')
  })

/** Describes a model without generating anything. Throws as `fetchServedModels` does, and `ModelRefused` if the server does not have it. */
export async function inspectServedModel(
  connection: Connection,
  model: string,
  signal: AbortSignal,
): Promise<InspectedModel> {
  const models = await withNamedServerErrors(() => connection.request('/models', signal))
  const served = await withNamedServerErrors(async () => parseModels(models).find(({ id }) => id === model))
  if (served === undefined)
    throw new RetortError(
      'ModelRefused',
      `${new URL(connection.url).host} has no model “${model}” any more. Look for models again.`,
    )
  // Further facts from a program's own endpoints are optional: without them the card has fewer facts.
  const info = await readModelInfo(connection, served, models, signal).catch((): ModelInfo => {
    signal.throwIfAborted()
    return { marks: [] }
  })
  const contextLength = info.contextLength ?? served.contextLength
  const parameters = info.parameters ?? served.parameters
  const card: ModelCard = {
    name: model,
    form: 'endpoint',
    fileName: model,
    architecture: info.architecture ?? 'unknown',
    ...(parameters === undefined ? {} : { parameters }),
    quantisation: info.quantisation ?? 'unknown',
    tensorTypes: {},
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(info.licence === undefined ? {} : { licence: info.licence }),
    // The key is not part of it: it identifies the caller, not the model.
    fingerprint: hashOf(['endpoint', connection.url, model, ...info.marks]).slice(0, 16),
    hasChatTemplate: true,
  }
  return { card, owner: served.owner, ...(info.slots === undefined ? {} : { slots: info.slots }) }
}

/** Chooses the program by the owner in the list or by the port; other programs get no request for endpoints that they lack. */
async function readModelInfo(
  connection: Connection,
  { id, owner }: ServedModel,
  models: unknown,
  signal: AbortSignal,
): Promise<ModelInfo> {
  const { port } = new URL(connection.url)
  if (isLlama(owner)) return parseLlamaProps(await connection.request('~/props', signal), models, id)
  if (owner === 'library' || port === '11434' || isOwnOllama(connection.url)) {
    const [tags, show] = await Promise.all([
      connection.request('~/api/tags', signal),
      connection.request('~/api/show', signal, { model: id }).catch(() => undefined),
    ])
    return parseOllama(tags, show, id)
  }
  if (owner === 'organization_owner' || port === '1234')
    return parseLmStudio(await connection.request('~/api/v0/models', signal), id)
  return { marks: [owner] }
}

export const isLlama = (owner: string): boolean => owner === 'llamacpp'
