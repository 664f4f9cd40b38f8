// Knows: how the data card of a dataset is downloaded.
import type { DatasetId, ProjectId } from '../../domain/id.ts'
import { writeDataCard } from '../../pipeline/exporting/data-card.ts'
import { RetortError } from '../../protocol/errors.ts'
import { getDataset, listDatasetRows } from '../../storage/datasets.ts'
import { getRun } from '../../storage/runs.ts'
import { readProject } from '../projects/change-project.ts'
import { fileStem, textDownload } from './downloads.ts'
import type { Download, Machines } from '../machines.ts'

/** Markdown: how the data was made, by which model under which licence, with the funnel's counts. Throws `StorageFailed` if the dataset is gone. */
export async function downloadDataCard(
  machines: Pick<Machines, 'db'>,
  { projectId, datasetId }: { projectId: ProjectId; datasetId: DatasetId },
): Promise<Download> {
  const project = await readProject(machines, projectId)
  const dataset = await getDataset(machines.db, projectId, datasetId)
  if (dataset === undefined)
    throw new RetortError(
      'StorageFailed',
      'This dataset is no longer stored. Choose another one, or freeze the run again.',
    )
  // Datasets of earlier versions lack what their run reported: it is in the run, if that is still stored.
  const notes = dataset.notes ?? (await getRun(machines.db, projectId, dataset.runId))?.notes
  const rows = await listDatasetRows(machines.db, projectId, datasetId)
  return textDownload(
    `${fileStem(project.name)}-data-card.md`,
    writeDataCard({ title: project.name, dataset: { ...dataset, ...(notes ? { notes } : {}) }, rows }),
    'text/markdown',
  )
}
