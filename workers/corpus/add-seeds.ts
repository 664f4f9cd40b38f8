// Knows: how seeds from a file or a text are stored, batch by batch, and that a choice of columns is remembered.
import type { ColumnPreview } from '../../src/domain/column-mapping.ts'
import { ProblemGroups } from '../../src/pipeline/seeds/group-problems.ts'
import { readSeeds } from '../../src/pipeline/seeds/read-seeds.ts'
import type { ImportReport } from '../../src/pipeline/seeds/report.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { CorpusContract, SeedsRead } from '../../src/protocol/corpus.ts'
import { getColumnMappings, putColumnMapping } from '../../src/storage/column-mappings.ts'
import type { Database } from '../../src/storage/database.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { putSeeds } from '../../src/storage/seeds.ts'

/** Different reasons that are listed; all problems are counted. */
const MAX_LISTED_PROBLEMS = 200

type Request = Parameters<CorpusContract['addSeeds']>[0]

/** Stores each batch as it is read, so that the earlier ones stay stored after an abort or on a full disk. */
export async function addSeeds(
  db: Database,
  { projectId, source, columns: chosen }: Request,
  { signal, emit }: Call<{ rows: number; bytes: number; totalBytes: number }>,
  now: number,
): Promise<SeedsRead> {
  const problems = new ProblemGroups(MAX_LISTED_PROBLEMS)
  const addedIds: string[] = []
  let alreadyThere = 0
  let rows = 0
  let report: ImportReport | undefined
  let columns: ColumnPreview | undefined
  let undecided = false
  const remembered = await getColumnMappings(db)
  for await (const batch of readSeeds(source, { projectId, now, signal, chosen, remembered })) {
    const { added, alreadyThere: known } = await guardQuota('The seeds', () => putSeeds(db, batch.seeds))
    addedIds.push(...added)
    alreadyThere += known
    problems.add(batch.problems)
    rows = batch.rows
    report = batch.report
    columns = batch.columns
    undecided = batch.undecided === true
    emit({ rows, bytes: batch.bytes, totalBytes: batch.totalBytes })
  }
  // The seeds are stored: a choice that cannot be remembered is worth a sentence, not a failure.
  const remember = chosen
    ? await putColumnMapping(db, chosen, now).then(
        () => [],
        () => ['The choice of columns could not be stored: for the next file of this form, choose again.'],
      )
    : []
  return {
    rows,
    added: addedIds.length,
    alreadyThere,
    repeated: report?.repeated ?? 0,
    problems: problems.list(),
    moreProblems: problems.unlisted,
    problemCount: problems.count,
    report: [...(report?.sentences() ?? []), ...remember],
    ...(columns ? { columns } : {}),
    undecided,
    addedIds,
  }
}
