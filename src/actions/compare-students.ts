// Knows: how a student is compared with itself before training and with its teacher on prompts it never saw.
import type { Comparison, ComparedPrompt } from '../domain/comparison.ts'
import type { ProjectId, StudentId } from '../domain/id.ts'
import type { TeacherDescription } from '../domain/model.ts'
import type { Checked } from '../domain/problem.ts'
import type { Machines } from './machines.ts'

/** Live only; never stored. */
export interface CompareProgress {
  readonly phase: 'before' | 'after' | 'teacher' | 'scores' | 'pairs' | 'finished'
  /** In words, for the status line. */
  readonly sentence: string
  /** Texts and verdicts of the whole comparison, done and to do. */
  readonly done: number
  readonly total: number
  /** Prompts whose texts and verdicts are all there. */
  readonly prompts: readonly ComparedPrompt[]
}

export interface CompareStudents {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly teacher: TeacherDescription
  /** Held-out prompts at most. */
  readonly prompts: number
}

/** Held-out prompts compared unless the person says otherwise. */
export const COMPARED_PROMPTS = 20

/**
 * Greedy texts of all three for the same held-out prompts, scored by the recipe's rubric and judged in pairs in both orders.
 * Stored whole or not at all. Problems where there is nothing to compare on. Throws an AbortError when `signal` ends.
 */
export async function* compareStudents(_machines: Pick<Machines, 'db' | 'teacher' | 'student' | 'now'>, _request: CompareStudents, _signal?: AbortSignal): AsyncGenerator<CompareProgress, Checked<Comparison>> {
  throw new Error('being written')
}
