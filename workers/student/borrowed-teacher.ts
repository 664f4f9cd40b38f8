// Knows: how the student's worker asks a teacher that was lent to it, past the page.
// Must not know: which teacher that is, what is learned from its answers.
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { connect, portOf } from '../../src/protocol/channel.ts'
import type { AnswerOfStudent, LentTeacherContract } from '../../src/protocol/lent-teacher.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { raiseLeast } from './read-taught.ts'

/** A teacher that says of a student's answers, token by token, what it would have written there. */
export interface BorrowedTeacher {
  /** Of each answer, in order, the teacher's side of its first tokens; of none where it does not fit. Rejects at once when aborted. */
  trace(answers: readonly AnswerOfStudent[], signal: AbortSignal): Promise<readonly TeacherRow[]>
}

/** Asks on the given port; `close` ends that. */
export function borrowTeacher(port: MessagePort): BorrowedTeacher & { close(): void } {
  const connection = connect<LentTeacherContract>(portOf(port))
  return {
    async trace(answers, signal) {
      // A teacher that has died never answers, and one that computes answers late: neither keeps a training from being stopped.
      const rows = await endWith(
        signal,
        connection.remote.trace(
          { answers },
          { signal, transfer: answers.map(({ tokens }) => tokens.buffer) },
        ),
      ).catch(failAsTeacher)
      return rows.map((row) => raiseLeast(row))
    },
    close() {
      connection.close('The training has ended.')
      port.close()
    },
  }
}

/** A fault of the teacher's is none of the student's worker, which has the same names for its own. */
function failAsTeacher(thrown: unknown): never {
  if (!(thrown instanceof RetortError) || thrown.name === 'NotLoaded') throw thrown
  throw new RetortError(
    'NotLoaded',
    `The teacher could not go through the student’s answers. ${thrown.message} Load the teacher again, then go on from the last checkpoint.`,
    { cause: thrown },
  )
}

/** What `work` comes to, or an AbortError as soon as the signal aborts. */
function endWith<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new DOMException('Stopped.', 'AbortError'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
