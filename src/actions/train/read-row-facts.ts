// Knows: how the counts that training objectives need are read from the store.
import type { Dataset } from '../../domain/dataset.ts'
import { referencesOf, type References } from '../../pipeline/filters/references.ts'
import { countRowFacts, type RowFacts } from '../../pipeline/training/row-facts.ts'
import type { Database } from '../../storage/database.ts'
import { listDatasetRows } from '../../storage/datasets.ts'
import { listDroppedWithScore } from '../../storage/rows.ts'
import { eachSeed } from '../../storage/seeds.ts'

/** What the rows of a dataset offer to each objective. Reads the whole dataset, its run and the seeds. */
export async function readRowFacts(
  db: Database,
  { projectId, id, runId }: Pick<Dataset, 'projectId' | 'id' | 'runId'>,
): Promise<RowFacts> {
  const references: [string, string][] = []
  for await (const seeds of eachSeed(db, projectId)) references.push(...referencesOf(seeds))
  const answers: References = new Map(references)
  return countRowFacts(
    await listDatasetRows(db, projectId, id),
    await listDroppedWithScore(db, projectId, runId),
    answers,
  )
}
