import { afterEach, expect, test, vi } from 'vitest'
import { reportChange } from '../../src/storage/changes.ts'

afterEach(() => vi.unstubAllGlobals())

test('reports a change where a timer is a number, as in every browser', () => {
  const posted: unknown[] = []
  const waiting: (() => void)[] = []
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      postMessage(message: unknown): void {
        posted.push(message)
      }
    },
  )
  vi.stubGlobal('setTimeout', (work: () => void) => waiting.push(work))
  reportChange({ name: 'timers' }, ['rows', 'runs'])
  waiting.forEach((work) => work())
  expect(posted).toEqual([['rows', 'runs']])
})
