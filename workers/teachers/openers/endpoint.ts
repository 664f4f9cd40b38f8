// Knows: a teacher that another program runs: looked at without a token, then asked up to twenty short questions to find out what it heeds.
import type { ModelSource, TeacherDescription } from '../../../src/domain/model.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { givesOf, noteAbilities } from '../endpoint/abilities.ts'
import { requireEndpoint } from '../endpoint/address.ts'
import { Connection } from '../endpoint/connection.ts'
import { EndpointTeacher } from '../endpoint/endpoint-teacher.ts'
import { isLlama, listServed, lookAt, withNamedFault } from '../endpoint/look.ts'
import { probe } from '../endpoint/probe.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import type { Opener } from '../sources.ts'

type EndpointSource = Extract<ModelSource, { readonly kind: 'endpoint' }>

/** Requests under way at once where the server does not tell how many it works on. */
const LANES = 8

const connect = ({ url, key }: Pick<EndpointSource, 'url' | 'key'>): Connection =>
  new Connection(requireEndpoint(url), key)

/** The models at an address. Throws `ModelRefused` and `DownloadFailed` with sentences. */
export const findServed = async (
  source: Pick<EndpointSource, 'url' | 'key'>,
  signal: AbortSignal,
): Promise<readonly ServedModel[]> => listServed(connect(source), signal)

export const endpoint: Opener<EndpointSource> = {
  inspect: async (source, signal) => (await lookAt(connect(source), source.model, signal)).card,

  open: async (source, { contextLength: wanted, signal, onProgress, letGo }) => {
    const connection = connect(source)
    onProgress({ phase: 'reading', done: 0, total: 0 })
    const { card, owner, slots } = await lookAt(connection, source.model, signal)
    const abilities = await withNamedFault(() =>
      probe(connection, source.model, {
        llama: isLlama(owner),
        signal,
        onProgress: (done, total) => onProgress({ phase: 'warming', done, total }),
      }),
    )
    const gives = givesOf(abilities)
    if (!gives.chat && !gives.rawPrompts)
      throw new RetortError(
        'ModelRefused',
        `${card.name} answers no chats, and texts only in a template of its own. Choose a model of this server that answers chats.`,
      )
    await letGo()
    // Less than the server has is asked for by nobody: its memory is its own.
    const contextLength = card.contextLength ?? wanted
    const { host } = new URL(connection.url)
    const description: TeacherDescription = {
      card: { ...card, hasChatTemplate: abilities.chat },
      backend: 'server',
      threads: 1,
      contextLength,
      batch: slots ?? LANES,
      gives,
      notes: [
        ...noteAbilities(abilities, host),
        ...(card.contextLength === undefined
          ? [`The program does not tell its context; ${contextLength} tokens are taken for granted.`]
          : []),
      ],
    }
    return new EndpointTeacher(description, connection, source.model, abilities)
  },
}
