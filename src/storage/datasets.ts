// Knows: frozen datasets in storage. A dataset and its rows are written together and never changed.
import type { Dataset, DatasetRow, Split } from '../domain/dataset.ts'
import type { DatasetId, ProjectId } from '../domain/id.ts'
import { RELAXED, type Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

/** Stores a dataset with its rows: all or none. Freezing the same rows again changes only the time. */
export async function putDataset(db: Database, dataset: Dataset, rows: readonly DatasetRow[]): Promise<void> {
  const { projectId, id: datasetId } = dataset
  await writeInProject(
    db,
    projectId,
    ['datasets', 'datasetRows'],
    async (transaction) => {
      const store = transaction.objectStore('datasetRows')
      await Promise.all(rows.map(async (row, index) => store.put({ projectId, datasetId, index, row })))
      await transaction.objectStore('datasets').put(dataset)
    },
    RELAXED,
  )
}

export const getDataset = (db: Database, projectId: ProjectId, id: DatasetId): Promise<Dataset | undefined> =>
  db.get('datasets', [projectId, id])

/** The newest first. */
export async function listDatasets(db: Database, projectId: ProjectId): Promise<Dataset[]> {
  return (await db.getAll('datasets', within(projectId))).toSorted((a, b) => b.frozenAt - a.frozenAt)
}

/** A dataset's rows in their order, of one split or all. */
export async function listDatasetRows(
  db: Database,
  projectId: ProjectId,
  id: DatasetId,
  split?: Split,
): Promise<DatasetRow[]> {
  const rows = (await db.getAll('datasetRows', within(projectId, id))).map(({ row }) => row)
  return split === undefined ? rows : rows.filter((row) => row.split === split)
}
