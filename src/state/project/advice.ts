// Knows: which advice each screen shows, and the form of advice.
import type { Student, TrainSettings } from '../../domain/student.ts'
import type { Advice } from '../../pipeline/advice/advice.ts'
import { adviseOnEndedWorse } from '../../pipeline/advice/ended-worse.ts'
import { adviseOnFewRows, type FewRowsFacts } from '../../pipeline/advice/few-rows.ts'
import { adviseOnMemorising } from '../../pipeline/advice/memorising.ts'
import { adviseOnNearEqualLabels } from '../../pipeline/advice/near-equal-labels.ts'
import { adviseOnContext, adviseOnCutRows } from '../../pipeline/advice/short-context.ts'
import { adviseOnTooFewPrompts } from '../../pipeline/advice/too-few-prompts.ts'
import { lossOf } from '../../pipeline/training/index.ts'
import type { LabelGroup } from '../../pipeline/training/near-equal-labels.ts'
import type { Summary } from './comparisons.svelte.ts'
import type { Students } from './students.svelte.ts'

export { estimateAdapterMs } from '../../pipeline/advice/few-rows.ts'
export type { Advice, Change as AdviceChange } from '../../pipeline/advice/advice.ts'

/** Advice before a training: what the rows can teach. */
export function adviseBeforeTraining(
  settings: TrainSettings | undefined,
  rows: number | undefined,
  {
    model,
    msPerRow,
    nearEqualLabels = [],
    rowBytes = [],
  }: Pick<FewRowsFacts, 'model' | 'msPerRow'> & {
    readonly nearEqualLabels?: readonly LabelGroup[]
    readonly rowBytes?: readonly number[]
  },
): readonly Advice[] {
  if (settings === undefined || rows === undefined || rows < 2) return []
  const labels = lossOf(settings).rows === 'labels' ? adviseOnNearEqualLabels(nearEqualLabels) : undefined
  return [
    ...(labels ? [labels] : []),
    ...[adviseOnContext({ settings, rowBytes })].flatMap((advice) => advice ?? []),
    ...adviseOnFewRows({
      rows,
      settings,
      ...(model ? { model } : {}),
      ...(msPerRow === undefined ? {} : { msPerRow }),
    }),
  ]
}

/** Advice on a comparison. `available`: held-out rows of its dataset. */
export const adviseOnComparison = (
  { afterBefore }: Pick<Summary, 'afterBefore'>,
  available: number | undefined,
): readonly Advice[] => [adviseOnTooFewPrompts(afterBefore, available)].flatMap((advice) => advice ?? [])

/** Advice on the training that runs, or on the newest student. `rows`: training rows of its dataset. */
export function adviseOnTraining(
  { task, latest, points }: Pick<Students, 'task' | 'latest' | 'points'>,
  rows: number,
): readonly Advice[] {
  if (latest === undefined) return []
  const bestStep = (task.running ? task.progress?.bestStep : undefined) ?? latest.bestStep
  const student: Pick<Student, 'points' | 'settings' | 'bestStep'> = {
    points,
    settings: latest.settings,
    ...(bestStep === undefined ? {} : { bestStep }),
  }
  return [
    adviseOnMemorising(student, rows),
    adviseOnEndedWorse({ ...student, status: task.running ? 'training' : latest.status }),
    task.running ? undefined : adviseOnCutRows(latest, rows),
  ].flatMap((advice) => advice ?? [])
}
