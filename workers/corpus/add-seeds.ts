// Knows: how seeds from a file or a text are stored, batch by batch.
import { readSeeds } from '../../src/pipeline/seeds/read-seeds.ts'
import type { Problem } from '../../src/domain/problem.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { CorpusContract, SeedsRead } from '../../src/protocol/corpus.ts'
import type { Database } from '../../src/storage/database.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { putSeeds } from '../../src/storage/seeds.ts'

/** Problems that are listed; all of them are counted. */
const MAX_LISTED_PROBLEMS = 200

type Request = Parameters<CorpusContract['addSeeds']>[0]

/** Stores each batch as it is read, so that the earlier ones stay stored after an abort or on a full disk. */
export async function addSeeds(
  db: Database,
  { projectId, source }: Request,
  { signal, emit }: Call<{ rows: number; bytes: number; totalBytes: number }>,
  now: number,
): Promise<SeedsRead> {
  const problems: Problem[] = []
  const addedIds: string[] = []
  let problemCount = 0
  let alreadyThere = 0
  let rows = 0
  for await (const batch of readSeeds(source, { projectId, now, signal })) {
    const { added, alreadyThere: known } = await guardQuota('The seeds', () => putSeeds(db, batch.seeds))
    addedIds.push(...added)
    alreadyThere += known
    problemCount += batch.problems.length
    problems.push(...batch.problems.slice(0, MAX_LISTED_PROBLEMS - problems.length))
    rows = batch.rows
    emit({ rows, bytes: batch.bytes, totalBytes: batch.totalBytes })
  }
  return { rows, added: addedIds.length, alreadyThere, problems, problemCount, addedIds }
}
