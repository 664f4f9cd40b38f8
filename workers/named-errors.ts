// Knows: which of the program's error names each engine error gets. The engine's own sentence stays.
import { EngineError, type EngineErrorKind } from '../src/engine/errors.ts'
import { RetortError, type ErrorName } from '../src/protocol/errors.ts'
import { nameMissingEngine } from './missing-engine.ts'

const NAMES: Readonly<Record<EngineErrorKind, ErrorName>> = {
  'out-of-memory': 'OutOfMemory',
  'device-lost': 'DeviceLost',
  'no-webgpu': 'ModelRefused',
  refused: 'ModelRefused',
  unreachable: 'EngineMissing',
  broken: 'Unexpected',
}

/** Runs a model's work; engine errors are rethrown under the program's names. */
export async function withNamedErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.kind === 'unreachable') throw await nameMissingEngine(thrown)
    if (thrown instanceof EngineError)
      throw new RetortError(NAMES[thrown.kind], thrown.message, { cause: thrown })
    throw thrown
  }
}
