// Knows: how the student's worker calls a teacher that was lent to it, directly from worker to worker.
// Must not know: which teacher it is, what the soft targets are used for.
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { connect, portOf } from '../../src/protocol/channel.ts'
import type { StudentCompletion, LentTeacherContract } from '../../src/protocol/lent-teacher.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { clampProbabilities } from './read-soft-targets.ts'

/** A teacher that gives its next-token distribution at each token of a student's completions. */
export interface BorrowedTeacher {
  /** The teacher's soft targets for the first tokens of each completion, in order; empty if it does not fit the teacher's context. Rejects at once when aborted. */
  computeSoftTargets(
    completions: readonly StudentCompletion[],
    signal: AbortSignal,
  ): Promise<readonly TeacherRow[]>
}

/** Calls the teacher over the given port; `close` ends the connection. */
export function borrowTeacher(port: MessagePort): BorrowedTeacher & { close(): void } {
  const connection = connect<LentTeacherContract>(portOf(port))
  return {
    async computeSoftTargets(completions, signal) {
      // A teacher that has died never responds, and a busy one responds late: neither may keep a training from stopping.
      const rows = await abortWith(
        signal,
        connection.remote.computeSoftTargets(
          { completions },
          { signal, transfer: completions.map(({ tokens }) => tokens.buffer) },
        ),
      ).catch(renameTeacherError)
      return rows.map((row) => clampProbabilities(row))
    },
    close() {
      connection.close('The training has ended.')
      port.close()
    },
  }
}

/** The student's worker uses the same error names, so a teacher's error is renamed. */
function renameTeacherError(thrown: unknown): never {
  if (!(thrown instanceof RetortError) || thrown.name === 'NotLoaded') throw thrown
  throw new RetortError(
    'NotLoaded',
    `The teacher could not score the student’s completions. ${thrown.message} Load the teacher again, then resume from the last checkpoint.`,
    { cause: thrown },
  )
}

/** The result of `work`, or an AbortError as soon as the signal aborts. */
function abortWith<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new DOMException('Stopped.', 'AbortError'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
