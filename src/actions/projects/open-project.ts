// Knows: how a saved project's file becomes a stored project.
import type { Project } from '../../domain/project.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { readProject } from './change-project.ts'
import type { Machines } from '../machines.ts'
import type { SaveProgress } from './save-project.ts'
import { followCall } from '../stream-progress.ts'

export interface OpenedProject {
  readonly project: Project
  /** What of the file was not used: sentences. */
  readonly notes: readonly string[]
}

/** The project of a saved file, stored under a new id; or why the file cannot be opened. */
export async function* openProject(
  machines: Pick<Machines, 'corpus' | 'db'>,
  { file }: { file: File },
  signal?: AbortSignal,
): AsyncGenerator<SaveProgress, Checked<OpenedProject>> {
  const opened = yield* followCall<SaveProgress, Awaited<ReturnType<typeof machines.corpus.openProject>>>(
    signal,
    (options) => machines.corpus.openProject({ file }, options),
  )
  if (!opened.ok) return refuse(...opened.problems)
  return accept({ project: await readProject(machines, opened.projectId), notes: opened.notes })
}
