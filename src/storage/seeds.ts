// Knows: seeds in storage, in the order in which they were added.
import type { ProjectId, SeedId } from '../domain/id.ts'
import type { Seed } from '../domain/seed.ts'
import { RELAXED, type Database } from './database.ts'
import { requestInParts } from './parts.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'
import { transact } from './transactions.ts'

/** Stores the seeds of one project that are not stored yet, in one transaction: all or none. */
export async function putSeeds(
  db: Database,
  seeds: readonly Seed[],
): Promise<{ added: SeedId[]; alreadyThere: number }> {
  const candidates = [...new Map(seeds.map((seed) => [seed.id, seed])).values()]
  const [first] = candidates
  if (first === undefined) return { added: [], alreadyThere: 0 }
  return writeInProject(
    db,
    first.projectId,
    ['seeds'],
    async (transaction) => {
      const store = transaction.objectStore('seeds')
      const known = await requestInParts(candidates, async ({ projectId, id }) =>
        store.count([projectId, id]),
      )
      const added = candidates.filter((_seed, i) => known[i] === 0)
      await requestInParts(added, async (seed) => store.put(seed))
      return { added: added.map(({ id }) => id), alreadyThere: seeds.length - added.length }
    },
    RELAXED,
  )
}

export const getSeed = (db: Database, projectId: ProjectId, id: SeedId): Promise<Seed | undefined> =>
  db.get('seeds', [projectId, id])

export const countSeeds = (db: Database, projectId: ProjectId): Promise<number> =>
  db.count('seeds', within(projectId))

/** Seeds `from` to `from + limit`, in order. */
export async function pageSeeds(
  db: Database,
  projectId: ProjectId,
  { from, limit }: { from: number; limit: number },
): Promise<Seed[]> {
  return transact(db, ['seeds'], 'readonly', async ({ store }) => {
    let cursor = await store.index('inOrder').openCursor(within(projectId))
    if (from > 0) cursor = (await cursor?.advance(from)) ?? null
    const page: Seed[] = []
    for (; cursor !== null && page.length < limit; cursor = await cursor.continue()) page.push(cursor.value)
    return page
  })
}

/** Seeds read at a time: what they take to arrive is one task of the page's thread. */
const SEEDS_PER_PAGE = 500

/** Every seed in order, in pages. */
export async function* eachSeed(db: Database, projectId: ProjectId): AsyncGenerator<readonly Seed[]> {
  for (let range = within(projectId); ;) {
    const page = await db.getAllFromIndex('seeds', 'inOrder', range, SEEDS_PER_PAGE)
    const last = page.at(-1)
    if (last === undefined) return
    if (page.length < SEEDS_PER_PAGE) return yield page
    // The next page begins after the last key, so all seeds with that key (same time, same line) belong to this one.
    const sameKey = (seed: Seed): boolean => seed.addedAt === last.addedAt && seed.line === last.line
    const whole = page.filter((seed) => !sameKey(seed))
    const tied = await db.getAllFromIndex('seeds', 'inOrder', [projectId, last.addedAt, last.line])
    yield [...whole, ...tied]
    range = IDBKeyRange.bound([projectId, last.addedAt, last.line], [projectId, []], true)
  }
}

/** Removes seeds and returns the removed ones, for undo. */
export async function removeSeeds(
  db: Database,
  projectId: ProjectId,
  ids: readonly SeedId[],
): Promise<Seed[]> {
  const found = await transact(db, ['seeds'], 'readwrite', async ({ store }) => {
    const stored = await requestInParts(ids, async (id) => store.get([projectId, id]))
    await requestInParts(ids, async (id) => store.delete([projectId, id]))
    return stored
  })
  return found.filter((seed) => seed !== undefined)
}
