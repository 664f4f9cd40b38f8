// Knows: which named error each engine error becomes, and what a person can do about it while a student trains.
import { EngineError } from '../../src/engine/errors.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { nameMissingEngine } from '../missing-engine.ts'

/** Anything thrown while a student trains, generates or is checked, as a named error; a named error stays as it is. */
export function nameError(thrown: unknown, doing: string): unknown {
  if (!(thrown instanceof EngineError)) return thrown
  const cause = { cause: thrown }
  switch (thrown.kind) {
    case 'out-of-memory':
      return new RetortError(
        'OutOfMemory',
        `The memory ran out while ${doing}. Choose a smaller size, a smaller batch size or a shorter context, or close other tabs. Everything stored is kept.`,
        cause,
      )
    case 'device-lost':
      return new RetortError(
        'DeviceLost',
        `The graphics card was lost while ${doing}. Resume to continue from the last checkpoint; if it happens again, choose the processor.`,
        cause,
      )
    case 'no-webgpu':
    case 'refused':
      return new RetortError('ModelRefused', thrown.message, cause)
    case 'unreachable':
      return new RetortError('EngineMissing', thrown.message, cause)
    case 'broken':
      return new RetortError('Unexpected', thrown.message, cause)
    default:
      return thrown.kind satisfies never
  }
}

/** Runs work and turns its engine errors into named errors. */
export async function withNamedErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.kind === 'unreachable') throw await nameMissingEngine(thrown)
    throw nameError(thrown, doing)
  }
}
