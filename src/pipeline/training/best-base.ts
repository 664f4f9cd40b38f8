// Knows: which student is preselected to start from: the best on held-out rows, not the newest.
import type { DatasetId } from '../../domain/id.ts'
import type { Student } from '../../domain/student.ts'
import { bestPoint } from './best-point.ts'
import { findLoss } from './index.ts'
import { NATS_PER_TOKEN } from './losses/loss.ts'

/**
 * The student with the lowest held-out loss in nats per token; those trained on this dataset come first, because losses on other rows
 * say less. Students whose losses have other units (of preference losses, for example) are not preselected if there is another one.
 * Without any held-out loss, the newest. `bases`: newest first.
 */
export function findBestBase<S extends Pick<Student, 'datasetId' | 'settings' | 'points'>>(
  bases: readonly S[],
  datasetId: DatasetId | undefined,
): S | undefined {
  const measured = bases.flatMap((student) => {
    const loss =
      findLoss(student.settings.loss)?.points.unit === NATS_PER_TOKEN.unit
        ? bestPoint(student.points)?.heldOut
        : undefined
    return loss === undefined ? [] : [{ student, loss }]
  })
  const here = measured.filter(({ student }) => student.datasetId === datasetId)
  const [best] = (here.length > 0 ? here : measured).toSorted((a, b) => a.loss - b.loss)
  return best?.student ?? bases[0]
}
