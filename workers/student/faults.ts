// Knows: what the engine's faults are called in the program, and what a person can do about them while a student trains.
import { EngineError } from '../../src/engine/errors.ts'
import { RetortError } from '../../src/protocol/errors.ts'

/** Anything thrown while a student trains, writes or is checked, as a named error; what has a name keeps it. */
export function nameFault(thrown: unknown, doing: string): unknown {
  if (!(thrown instanceof EngineError)) return thrown
  const cause = { cause: thrown }
  switch (thrown.kind) {
    case 'out-of-memory':
      return new RetortError(
        'OutOfMemory',
        `The memory ran out while ${doing}. Choose a smaller size, fewer rows of a step or a shorter context, or close other tabs. What was stored is kept.`,
        cause,
      )
    case 'device-lost':
      return new RetortError(
        'DeviceLost',
        `The GPU was lost while ${doing}. Train again to go on from the last checkpoint; if it happens again, choose wasm.`,
        cause,
      )
    case 'no-webgpu':
    case 'refused':
      return new RetortError('ModelRefused', thrown.message, cause)
    case 'broken':
      return new RetortError('Unexpected', thrown.message, cause)
    default:
      return thrown.kind satisfies never
  }
}

/** Runs work whose engine faults are to be named. */
export async function withNamedFaults<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw nameFault(thrown, doing)
  }
}
