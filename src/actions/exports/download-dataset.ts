// Knows: how a dataset is downloaded.
import type { DatasetId, ProjectId } from '../../domain/id.ts'
import type { DatasetFormat } from '../../protocol/corpus.ts'
import { readProject } from '../projects/change-project.ts'
import { blobDownload, fileStem } from './downloads.ts'
import type { Download, Machines } from '../machines.ts'

/** The dataset in one of the five export formats; named after the project, the dataset and the format. */
export async function downloadDataset(
  machines: Pick<Machines, 'db' | 'corpus'>,
  { projectId, datasetId, format }: { projectId: ProjectId; datasetId: DatasetId; format: DatasetFormat },
): Promise<Download> {
  const project = await readProject(machines, projectId)
  const file = await machines.corpus.exportDataset({ projectId, datasetId, format })
  return blobDownload(file, `${fileStem(project.name)}-${datasetId.slice(0, 8)}-${format}`)
}
