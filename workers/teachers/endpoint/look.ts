// Knows: what a server says of its models before any of them is asked anything: its list, and what programs tell in their own ways.
import { hashOf } from '../../../src/domain/hash.ts'
import type { ModelCard } from '../../../src/domain/model.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import type { Connection } from './connection.ts'
import { Fault } from './fault.ts'
import { parseLlamaProps, parseLmStudio, parseModels, parseOllama, type Told } from './parse.ts'

export interface Looked {
  readonly card: ModelCard
  readonly owner: string
  /** Requests that the server works on at once, where it tells. */
  readonly slots?: number
}

/** A fault as an error of the program, for what is asked before a model is in use. */
export async function withNamedFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new RetortError(
      thrown.kind === 'refused' || thrown.kind === 'closed' || thrown.kind === 'garbled'
        ? 'ModelRefused'
        : 'DownloadFailed',
      thrown.message,
      { cause: thrown },
    )
  }
}

/** The models that a server has. Throws `DownloadFailed` where nobody answers, `ModelRefused` where the answer is no list. */
export const listServed = (connection: Connection, signal: AbortSignal): Promise<readonly ServedModel[]> =>
  withNamedFault(async () => parseModels(await connection.ask('/models', signal)))

/** Describes a model without asking it anything. Throws as `listServed` does, and `ModelRefused` where the server does not have it. */
export async function lookAt(connection: Connection, model: string, signal: AbortSignal): Promise<Looked> {
  const models = await withNamedFault(() => connection.ask('/models', signal))
  const served = await withNamedFault(async () => parseModels(models).find(({ id }) => id === model))
  if (served === undefined)
    throw new RetortError(
      'ModelRefused',
      `${new URL(connection.url).host} has no model “${model}” any more. Look for its models again.`,
    )
  // What a program tells besides is welcome; that it does not tell it is no failure.
  const told = await tellOf(connection, served, models, signal).catch((): Told => {
    signal.throwIfAborted()
    return { marks: [] }
  })
  const contextLength = told.contextLength ?? served.contextLength
  const parameters = told.parameters ?? served.parameters
  const card: ModelCard = {
    name: model,
    form: 'endpoint',
    fileName: model,
    architecture: told.architecture ?? 'not told',
    ...(parameters === undefined ? {} : { parameters }),
    quantisation: told.quantisation ?? 'not told',
    tensorTypes: {},
    ...(contextLength === undefined ? {} : { contextLength }),
    // The key has no part in it: it says who asks, not who answers.
    fingerprint: hashOf(['endpoint', connection.url, model, ...told.marks]).slice(0, 16),
    hasChatTemplate: true,
  }
  return { card, owner: served.owner, ...(told.slots === undefined ? {} : { slots: told.slots }) }
}

/** By what the list says of its owner, else by the port: others are not asked for what they do not have. */
async function tellOf(
  connection: Connection,
  { id, owner }: ServedModel,
  models: unknown,
  signal: AbortSignal,
): Promise<Told> {
  const { port } = new URL(connection.url)
  if (isLlama(owner)) return parseLlamaProps(await connection.ask('~/props', signal), models, id)
  if (owner === 'library' || port === '11434') {
    const [tags, show] = await Promise.all([
      connection.ask('~/api/tags', signal),
      connection.ask('~/api/show', signal, { model: id }).catch(() => undefined),
    ])
    return parseOllama(tags, show, id)
  }
  if (owner === 'organization_owner' || port === '1234')
    return parseLmStudio(await connection.ask('~/api/v0/models', signal), id)
  return { marks: [owner] }
}

export const isLlama = (owner: string): boolean => owner === 'llamacpp'
