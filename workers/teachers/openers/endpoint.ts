// Knows: a teacher that another program runs: inspected without generating a token, then probed for its capabilities with short requests.
import type { ModelSource } from '../../../src/domain/model-source.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { capabilitiesOf, noteCapabilities } from '../endpoint/server-capabilities.ts'
import { requireBase } from '../endpoint/address.ts'
import { Connection } from '../endpoint/connection.ts'
import { EndpointTeacher } from '../endpoint/endpoint-teacher.ts'
import { isLlama, inspectServedModel, withNamedServerErrors } from '../endpoint/inspect-server.ts'
import { probe } from '../endpoint/probe.ts'
import type { Opener } from './opener.ts'

type EndpointSource = Extract<ModelSource, { readonly kind: 'endpoint' }>

/** Requests in flight at once if the server does not report its slots. */
const DEFAULT_CONCURRENCY = 8

const connect = ({ url, key }: Pick<EndpointSource, 'url' | 'key'>): Connection =>
  new Connection(requireBase(url), key)

export const endpoint: Opener<EndpointSource> = {
  inspect: async (source, signal) => (await inspectServedModel(connect(source), source.model, signal)).card,

  open: async (source, { contextLength: requestedLength, signal, onProgress, unloadPrevious }) => {
    const connection = connect(source)
    onProgress({ phase: 'reading', done: 0, total: 0 })
    const { card, owner, slots } = await inspectServedModel(connection, source.model, signal)
    const server = await withNamedServerErrors(() =>
      probe(connection, source.model, {
        llama: isLlama(owner),
        signal,
        onProgress: (done, total) => onProgress({ phase: 'warming', done, total }),
      }),
    )
    const capabilities = capabilitiesOf(server)
    if (!capabilities.chat && !capabilities.rawPrompts)
      throw new RetortError(
        'ModelRefused',
        `${card.name} supports neither chats nor raw prompts: it puts texts into a template of its own. Choose a model of this server that supports chats.`,
      )
    await unloadPrevious()
    // The server's whole context is used: its memory is its own.
    const contextLength = card.contextLength ?? requestedLength
    const { host } = new URL(connection.url)
    const description: TeacherDescription = {
      card: { ...card, hasChatTemplate: server.chat },
      backend: 'server',
      threads: 1,
      contextLength,
      batch: slots ?? DEFAULT_CONCURRENCY,
      capabilities,
      notes: [
        ...noteCapabilities(server, host),
        ...(card.contextLength === undefined
          ? [`The program does not report its context length; ${contextLength} tokens are assumed.`]
          : []),
      ],
    }
    return new EndpointTeacher(description, connection, source.model, server)
  },
}
