// Knows: how seeds are removed.
import type { ProjectId, SeedId } from '../../domain/id.ts'
import type { Seed } from '../../domain/seed.ts'
import * as seeds from '../../storage/seeds.ts'
import type { Machines } from '../machines.ts'

/** Returns the removed seeds, for `restoreSeeds`. Prompts and rows of a seed stay: they need nothing from it. */
export function removeSeeds(
  { db }: Pick<Machines, 'db'>,
  { projectId, ids }: { projectId: ProjectId; ids: readonly SeedId[] },
): Promise<readonly Seed[]> {
  return seeds.removeSeeds(db, projectId, ids)
}
