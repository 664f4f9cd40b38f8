// Knows: how the models that a server offers are listed.
import { refuse, accept, type Checked } from '../../domain/problem.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { ServedModels } from '../../protocol/teacher.ts'
import type { Machines } from '../machines.ts'

export interface EndpointAddress {
  readonly url: string
  /** Sent to that address and nowhere else; stored nowhere. */
  readonly key?: string
}

/** The models that the server lists and where, or the sentence why it cannot be used. Requests only the list. */
export async function listServedModels(
  { teacher }: Pick<Machines, 'teacher'>,
  request: EndpointAddress,
  signal?: AbortSignal,
): Promise<Checked<ServedModels>> {
  try {
    const served = await teacher.listServedModels(request, signal ? { signal } : {})
    return served.models.length > 0
      ? accept(served)
      : refuse({
          sentence: `The server at ${served.url} responds but lists no models. Load or download one there, then look for models again.`,
        })
  } catch (thrown) {
    if (thrown instanceof RetortError && (thrown.name === 'ModelRefused' || thrown.name === 'DownloadFailed'))
      return refuse({ sentence: thrown.message })
    throw thrown
  }
}
