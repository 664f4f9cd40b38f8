// The self-check: results as they arrive, a report to download, a stop.
import { expect, test } from 'vitest'
import {
  checkMachine,
  writeCheckReport,
  type CheckProgress,
} from '../../../src/actions/machine/check-machine.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'

test('checkMachine checks and reports every claim, and its report has a line for each', async () => {
  const machines = await makeMachines()
  const reports: CheckProgress[] = []
  const checked = await finish(checkMachine(machines, 'wasm', new AbortController().signal), (progress) =>
    reports.push(progress),
  )
  expect(checked).toMatchObject({ backend: 'wasm', failed: 0, threads: 1 })
  expect(checked.results).toHaveLength(checked.tried)
  expect(reports.at(-1)).toMatchObject({ done: checked.tried, total: checked.tried })
  const wrong = {
    ...checked,
    failed: 1,
    results: checked.results.map((result, i) =>
      i === 2 ? { ...result, ok: false, difference: Number.NaN, error: 'the driver is gone' } : result,
    ),
  }
  const { name, blob } = writeCheckReport(wrong, 'A browser', 0)
  expect(name).toBe('retort-self-check.txt')
  const lines = (await blob.text()).trimEnd().split('\n')
  expect(lines.slice(0, 3)).toEqual([
    'Retort self-check, 1970-01-01T00:00:00.000Z',
    'wasm, 1 thread; A browser',
    `${checked.tried - 1} of ${checked.tried} claims hold.`,
  ])
  expect(lines.filter((line) => line.startsWith('FAILS'))).toEqual([
    expect.stringMatching(/^FAILS {2}products: .+: the driver is gone$/),
  ])
  expect(lines.filter((line) => line.startsWith('holds'))).toHaveLength(checked.tried - 1)
}, 60_000)

test('checkMachine ends with an AbortError when stopped', async () => {
  const machines = await makeMachines()
  const stop = new AbortController()
  await expect(finish(checkMachine(machines, 'wasm', stop.signal), () => stop.abort())).rejects.toMatchObject(
    { name: 'AbortError' },
  )
})
