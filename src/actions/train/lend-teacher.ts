// Knows: how the teacher is lent to the student's worker for a training: the two speak past the page, which only holds the ends together.
// Must not know: what they say to each other.
import type { Remote } from '../../protocol/contract.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { LendRequest, TeacherContract } from '../../protocol/teacher.ts'

/**
 * Does `work` with a port on which the loaded teacher answers, and takes the teacher back afterwards. The signal that `work` gets ends
 * with the given one, and when the teacher breaks down; that is thrown as NotLoaded. Throws NotLoaded and ModelRefused where the teacher
 * that is asked for is not the one that is loaded; nothing was begun then.
 */
export async function withLentTeacher<T>(
  teacher: Remote<TeacherContract>,
  request: Omit<LendRequest, 'port'>,
  signal: AbortSignal,
  work: (port: MessagePort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { port1, port2 } = new MessageChannel()
  const over = new AbortController()
  const broken = new AbortController()
  let why: unknown
  const ready = new Promise<void>((resolve, reject) => {
    const lent = teacher.lend(
      { ...request, port: port1 },
      { transfer: [port1], signal: AbortSignal.any([signal, over.signal]), onEvent: () => resolve() },
    )
    lent.then(
      () => resolve(),
      (thrown: unknown) => {
        why = thrown
        broken.abort()
        reject(thrown)
      },
    )
  })
  try {
    await ready
    const done = await work(port2, AbortSignal.any([signal, broken.signal]))
    if (broken.signal.aborted && !signal.aborted) throw nameBreak(why)
    return done
  } finally {
    over.abort()
    port2.close()
  }
}

/** A teacher's worker that died is no student's worker that died: nobody goes on by himself without a teacher. */
function nameBreak(why: unknown): unknown {
  if (!(why instanceof RetortError)) return why
  const what =
    why.name === 'DeviceLost' ? 'The teacher lost the graphics card' : 'The teacher’s worker broke down'
  return new RetortError(
    'NotLoaded',
    `${what} while the student learned from it. Load the teacher again, then go on from the last checkpoint.`,
    { cause: why },
  )
}
