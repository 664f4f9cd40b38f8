// Knows: what the engine's faults are called in the program. The engine's own sentence stays.
import { EngineError, type EngineFault } from '../src/engine/errors.ts'
import { RetortError, type ErrorName } from '../src/protocol/errors.ts'

const NAMES: Readonly<Record<EngineFault, ErrorName>> = {
  'out-of-memory': 'OutOfMemory',
  'device-lost': 'DeviceLost',
  'no-webgpu': 'ModelRefused',
  refused: 'ModelRefused',
  broken: 'Unexpected',
}

/** Runs work of a model; the engine's faults come out under the program's names. */
export async function withNamedFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof EngineError)
      throw new RetortError(NAMES[thrown.kind], thrown.message, { cause: thrown })
    throw thrown
  }
}
