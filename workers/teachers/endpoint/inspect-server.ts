// Knows: what a server reports about its models without generating anything: its list, and programs' own endpoints.
import { hashOf } from '../../../src/domain/hash.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import type { Connection } from './connection.ts'
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
      thrown.kind === 'refused' || thrown.kind === 'denied' || thrown.kind === 'malformed'
        ? 'ModelRefused'
        : 'DownloadFailed',
      thrown.message,
      { cause: thrown },
    )
  }
}

/** The models of a server. Throws `DownloadFailed` if it does not respond, `ModelRefused` if the response is not a list. */
export const fetchServedModels = (
  connection: Connection,
  signal: AbortSignal,
): Promise<readonly ServedModel[]> =>
  withNamedServerErrors(async () => parseModels(await connection.request('/models', signal)))

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
  if (owner === 'library' || port === '11434') {
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
