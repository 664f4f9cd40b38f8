// Knows: how a classifier is measured: on all held-out rows, before and after training. No judge: the labels are the answers.
import type { DatasetRow } from '../../domain/dataset.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { GREEDY } from '../../domain/sampling.ts'
import type { Student } from '../../domain/student.ts'
import { writePromptChat } from '../../pipeline/completing/complete.ts'
import { measureLabels, type LabelMeasure } from '../../pipeline/training/label-measure.ts'
import { listDatasetRows } from '../../storage/datasets.ts'
import type { Machines } from '../machines.ts'

/** The share of right labels on the held-out rows. Returns a problem if none is held out. Throws an AbortError when `signal` aborts. */
export async function measureClassifier(
  { db, student: machine }: Pick<Machines, 'db' | 'student'>,
  { projectId, id: studentId, datasetId }: Student,
  signal: AbortSignal,
): Promise<Checked<LabelMeasure>> {
  const rows = await listDatasetRows(db, projectId, datasetId, 'held-out')
  if (rows.length === 0)
    return refuse({
      sentence:
        'This dataset has no held-out row, so there is nothing to measure on. Freeze again with a larger held-out share or more rows, and train on that.',
    })
  const classify = async (which: 'before' | 'after'): Promise<ReadonlyMap<DatasetRow, string>> => {
    const labels = new Map<DatasetRow, string>()
    const requests = rows.map(({ prompt, earlier, system }, i) => ({
      id: String(i),
      input: writePromptChat(prompt, system, earlier),
      sampling: { ...GREEDY, maxTokens: 1, rngSeed: 'measure' },
    }))
    await machine.complete(
      { projectId, studentId, which, requests },
      {
        signal,
        onEvent: (event) => {
          const row = event.kind === 'completion' ? rows[Number(event.result.id)] : undefined
          if (row && event.kind === 'completion') labels.set(row, event.result.text)
        },
      },
    )
    signal.throwIfAborted()
    return labels
  }
  const before = await classify('before')
  const after = await classify('after')
  const train = await listDatasetRows(db, projectId, datasetId, 'train')
  return accept(measureLabels(rows, { before, after }, train))
}
