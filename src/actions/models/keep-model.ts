// Knows: how a model from an address or a hub is stored in this browser without being loaded.
import type { ModelCard } from '../../domain/model-card.ts'
import type { RemoteSource } from '../../domain/model-source.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import type { Machines } from '../machines.ts'
import { followCall } from '../stream-progress.ts'

/** Downloads into the model store; an interrupted download resumes where it ended. */
export async function* keepModel(
  { teacher }: Pick<Machines, 'teacher'>,
  { source }: { source: RemoteSource },
  signal?: AbortSignal,
): AsyncGenerator<LoadProgress, ModelCard> {
  return yield* followCall<LoadProgress, ModelCard>(signal, (options) =>
    teacher.download({ source }, options),
  )
}
