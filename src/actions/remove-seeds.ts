// Knows: how seeds are taken out.
import type { ProjectId, SeedId } from '../domain/id.ts'
import type { Seed } from '../domain/seed.ts'
import * as seeds from '../storage/seeds.ts'
import type { Machines } from './machines.ts'

/** What was removed, for `restoreSeeds`. Prompts and rows grown from a seed stay: they carry all they need. */
export function removeSeeds(
  { db }: Pick<Machines, 'db'>,
  { projectId, ids }: { projectId: ProjectId; ids: readonly SeedId[] },
): Promise<readonly Seed[]> {
  return seeds.removeSeeds(db, projectId, ids)
}
