// Knows: how a model from an address or a hub is kept in this browser without being loaded.
import type { ModelCard, RemoteSource } from '../domain/model.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import type { Machines } from './machines.ts'
import { followCall } from './tell-progress.ts'

/** Downloads into the model store; a broken download goes on where it ended when it is asked for again. */
export async function* keepModel(
  { teacher }: Pick<Machines, 'teacher'>,
  { source }: { source: RemoteSource },
  signal?: AbortSignal,
): AsyncGenerator<LoadProgress, ModelCard> {
  return yield* followCall<LoadProgress, ModelCard>(signal, (options) =>
    teacher.download({ source }, options),
  )
}
