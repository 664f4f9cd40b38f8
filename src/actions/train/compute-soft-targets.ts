// Knows: which soft targets the teacher computes before a student learns from it: of the rows' tokens, or of their classes; once per dataset.
// Must not know: how a step of training works.
import type { Student } from '../../domain/student.ts'
import { planOf } from '../../pipeline/training/index.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'
import { computeShareSoftTargets } from './teacher-shares.ts'

/** The teacher's part of the student's record. */
export type TeacherInputs = Pick<Student, 'softTargets' | 'teachers' | 'teacher'>

/**
 * Computes the soft targets that the student's loss needs and that are not stored yet; returns what the record should contain, or the
 * student itself if nothing is missing. `onProgress` gets rows done and to do, first 0 of 0. Throws `NotLoaded` if no teacher or
 * another one than chosen is loaded, or if its worker dies: what it computed before is stored.
 */
export async function computeSoftTargets(
  { teacher }: Pick<Machines, 'teacher'>,
  student: Student & TeacherInputs,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (done: number, total: number) => void },
): Promise<TeacherInputs> {
  const { projectId, datasetId, settings, softTargets } = student
  const { teacher: need } = planOf(settings)
  if (need === undefined || softTargets !== undefined) return student
  const hooks = {
    signal,
    onEvent: ({ done, total }: { done: number; total: number }) => onProgress(done, total),
  }
  try {
    if (need.kind === 'before')
      return await computeShareSoftTargets(
        { teacher },
        student,
        { ...need, preset: settings.preset },
        { signal, onProgress },
      )
    onProgress(0, 0)
    const { temperature } = need
    if (need.kind === 'labels') {
      const computed = await teacher.computeClassSoftTargets({ projectId, datasetId, temperature }, hooks)
      return { softTargets: computed.softTargets }
    }
    const computed = await teacher.computeSoftTargets(
      { projectId, datasetId, topK: need.topK, temperature },
      hooks,
    )
    return { softTargets: computed.softTargets, teacher: computed.teacher }
  } catch (thrown) {
    // The death of a teacher's worker is not retried: training cannot resume automatically without a teacher.
    if (!(thrown instanceof RetortError) || (thrown.name !== 'WorkerDied' && thrown.name !== 'DeviceLost'))
      throw thrown
    const what =
      thrown.name === 'DeviceLost' ? 'The teacher lost the graphics card' : 'The teacher’s worker crashed'
    throw new RetortError(
      'NotLoaded',
      `${what} while computing token probabilities. Load the teacher again, then resume: what was computed so far is stored.`,
      { cause: thrown },
    )
  }
}
