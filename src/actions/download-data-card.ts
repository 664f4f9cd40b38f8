// Knows: how the story of a dataset is taken home.
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type { Download, Machines } from './machines.ts'

/** Markdown: how the data was made, by which model under which licence, with the funnel's counts. */
export async function downloadDataCard(_machines: Pick<Machines, 'db'>, _request: { projectId: ProjectId; datasetId: DatasetId }): Promise<Download> {
  throw new Error('being written')
}
