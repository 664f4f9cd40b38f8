// Knows: what a teacher is asked before a student learns from it: its probabilities along the rows, or of their classes; once for a dataset.
// Must not know: how a step of training works.
import { learnsFromProbabilities, learnsClasses, needsTeacher, type Student } from '../../domain/student.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'
import { askShares } from './teacher-shares.ts'

/** What was asked, as the student's record keeps it. */
export type Asked = Pick<Student, 'trace' | 'teachers' | 'teacher'>

/**
 * Asks for what the student's loss needs and what is not there yet; gives back what the record should hold, or the student itself where
 * there is nothing to ask. `onAsked` is told rows done and to do, first 0 of 0. Throws `NotLoaded` where no teacher is loaded, another
 * one than was chosen, or its worker breaks down meanwhile: what it said until then is stored.
 */
export async function askTeacher(
  { teacher }: Pick<Machines, 'teacher'>,
  student: Student & Asked,
  { signal, onAsked }: { signal: AbortSignal; onAsked: (done: number, total: number) => void },
): Promise<Asked> {
  const { projectId, datasetId, settings, trace } = student
  if (!needsTeacher(settings) || trace !== undefined) return student
  const hooks = {
    signal,
    onEvent: ({ done, total }: { done: number; total: number }) => onAsked(done, total),
  }
  try {
    if (learnsFromProbabilities(settings))
      return await askShares({ teacher }, student, settings, { signal, onAsked })
    onAsked(0, 0)
    if (learnsClasses(settings))
      return {
        trace: (
          await teacher.traceClasses({ projectId, datasetId, temperature: settings.temperature }, hooks)
        ).trace,
      }
    if (settings.loss !== 'on-policy') throw new TypeError(`${settings.loss} asks no teacher`)
    const asked = await teacher.trace(
      { projectId, datasetId, choices: settings.choices, temperature: settings.temperature },
      hooks,
    )
    return { trace: asked.trace, teacher: asked.teacher }
  } catch (thrown) {
    // A teacher's worker that died is no student's worker that died: nothing goes on by itself without a teacher.
    if (!(thrown instanceof RetortError) || (thrown.name !== 'WorkerDied' && thrown.name !== 'DeviceLost'))
      throw thrown
    const what =
      thrown.name === 'DeviceLost' ? 'The teacher lost the graphics card' : 'The teacher’s worker broke down'
    throw new RetortError(
      'NotLoaded',
      `${what} while it was asked. Load the teacher again, then go on: what it has said so far is stored.`,
      { cause: thrown },
    )
  }
}
