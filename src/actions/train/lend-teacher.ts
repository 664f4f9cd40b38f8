// Knows: how the teacher is lent to the student's worker for a training: the two workers exchange messages directly, through a port.
// Must not know: the messages.
import { reasonOfUnloading } from '../models/role-machine.ts'
import type { Remote } from '../../protocol/contract.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { LendRequest, TeacherContract } from '../../protocol/teacher.ts'

/**
 * Does `work` with a port on which the loaded teacher responds, and ends the loan afterwards. The signal of `work` aborts with the
 * given one, and when the teacher fails; the failure is thrown as NotLoaded. Throws NotLoaded and ModelRefused if the requested
 * teacher is not the loaded one; `work` is not started then.
 */
export async function withLentTeacher<T>(
  teacher: Remote<TeacherContract>,
  request: Omit<LendRequest, 'port'>,
  signal: AbortSignal,
  work: (port: MessagePort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { port1, port2 } = new MessageChannel()
  const ended = new AbortController()
  const failed = new AbortController()
  let reason: unknown
  const ready = new Promise<void>((resolve, reject) => {
    const lent = teacher.lend(
      { ...request, port: port1 },
      { transfer: [port1], signal: AbortSignal.any([signal, ended.signal]), onEvent: () => resolve() },
    )
    lent.then(
      () => resolve(),
      (thrown: unknown) => {
        reason = thrown
        failed.abort()
        reject(thrown)
      },
    )
  })
  try {
    await ready
    const done = await work(port2, AbortSignal.any([signal, failed.signal]))
    if (failed.signal.aborted && !signal.aborted) throw nameFailure(reason)
    return done
  } finally {
    ended.abort()
    port2.close()
  }
}

/** The death of a teacher's worker is not retried: training cannot resume automatically without a teacher. */
function nameFailure(reason: unknown): unknown {
  if (!(reason instanceof RetortError)) return reason
  if (reason.message === reasonOfUnloading('teacher'))
    return new RetortError(
      'NotLoaded',
      'The teacher that this student learns from was unloaded. Load it again on the Teacher screen, then resume from the last checkpoint.',
      { cause: reason },
    )
  const what =
    reason.name === 'DeviceLost' ? 'The teacher lost the graphics card' : 'The teacher’s worker crashed'
  return new RetortError(
    'NotLoaded',
    `${what} while the student learned from it. Load the teacher again, then resume from the last checkpoint.`,
    { cause: reason },
  )
}
