// Knows: a small student, trained in Node for tests of what comes after training.
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

export async function trainSmall(steps: number): Promise<MemoryStores> {
  const stores = makeMemoryStores(makeRows(24, 4))
  await train({ ...IDS, settings: { ...SETTINGS, steps, evaluateEvery: steps, learningRate: 0.008, batch: 8 }, backend: 'wasm' }, { signal: new AbortController().signal, emit: () => undefined }, { stores, openRuntime: openTestRuntime, now: () => performance.now() })
  return stores
}
