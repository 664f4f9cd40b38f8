// Knows: which advice each screen shows, and the form of advice.
import type { Student } from '../domain/student.ts'
import type { Advice } from '../pipeline/advice/advice.ts'
import { adviseOnEndedWorse } from '../pipeline/advice/ended-worse.ts'
import { adviseOnMemorising } from '../pipeline/advice/memorising.ts'
import type { Students } from './students.svelte.ts'

export type { Advice, Change as AdviceChange } from '../pipeline/advice/advice.ts'

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
  ].flatMap((advice) => advice ?? [])
}
