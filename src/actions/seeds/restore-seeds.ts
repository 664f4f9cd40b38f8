// Knows: how removed seeds are restored.
import type { Seed } from '../../domain/seed.ts'
import { guardQuota } from '../../storage/quota.ts'
import { putSeeds } from '../../storage/seeds.ts'
import type { Machines } from '../machines.ts'

export async function restoreSeeds(
  { db }: Pick<Machines, 'db'>,
  { seeds }: { seeds: readonly Seed[] },
): Promise<void> {
  await guardQuota('The seeds', () => putSeeds(db, seeds))
}
