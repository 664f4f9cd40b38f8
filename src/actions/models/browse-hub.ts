// Knows: how the models on a hub page are listed.
import type { HubListing } from '../../domain/model-source.ts'
import type { Machines } from '../machines.ts'

/** The models of a page; throws `ModelRefused` and `DownloadFailed` with sentences. */
export const browseHub = (
  { teacher }: Pick<Machines, 'teacher'>,
  { url }: { url: string },
  signal?: AbortSignal,
): Promise<HubListing> => teacher.browse({ url }, signal ? { signal } : {})
