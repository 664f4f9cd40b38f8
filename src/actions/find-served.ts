// Knows: how the models of a program at an address are found.
import { refuse, accept, type Checked } from '../domain/problem.ts'
import { RetortError } from '../protocol/errors.ts'
import type { ServedModel } from '../protocol/teacher.ts'
import type { Machines } from './machines.ts'

export interface FindServed {
  readonly url: string
  /** Sent to that address and nowhere else; stored nowhere. */
  readonly key?: string
}

/** The models that the program lists, or the sentence why it cannot be used. Asks for the list and nothing else. */
export async function findServed(
  { teacher }: Pick<Machines, 'teacher'>,
  request: FindServed,
  signal?: AbortSignal,
): Promise<Checked<readonly ServedModel[]>> {
  try {
    const served = await teacher.findServed(request, signal ? { signal } : {})
    return served.length > 0
      ? accept(served)
      : refuse({
          sentence: 'The program answers and has no model. Load or download one there, then look again.',
        })
  } catch (thrown) {
    if (thrown instanceof RetortError && (thrown.name === 'ModelRefused' || thrown.name === 'DownloadFailed'))
      return refuse({ sentence: thrown.message })
    throw thrown
  }
}
