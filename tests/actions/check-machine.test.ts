// The self-check as a person starts it: results as they come, a report to keep, a stop.
import { expect, test } from 'vitest'
import { checkMachine, writeCheckReport, type CheckProgress } from '../../src/actions/check-machine.ts'
import { finish, makeMachines } from '../stand-ins/machines.ts'

test('every claim is tried and told, and the report has a line for each', async () => {
  const machines = await makeMachines()
  const told: CheckProgress[] = []
  const checked = await finish(checkMachine(machines, 'wasm', new AbortController().signal), (progress) =>
    told.push(progress),
  )
  expect(checked).toMatchObject({ backend: 'wasm', failed: 0, threads: 1 })
  expect(checked.results).toHaveLength(checked.tried)
  expect(told.at(-1)).toMatchObject({ done: checked.tried, total: checked.tried })
  const wrong = {
    ...checked,
    failed: 1,
    results: checked.results.map((result, i) =>
      i === 2 ? { ...result, ok: false, difference: Number.NaN, fault: 'the driver is gone' } : result,
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
    expect.stringMatching(/^FAILS {2}gradients: .+: the driver is gone$/),
  ])
  expect(lines.filter((line) => line.startsWith('holds'))).toHaveLength(checked.tried - 1)
}, 60_000)

test('a stop ends it', async () => {
  const machines = await makeMachines()
  const stop = new AbortController()
  await expect(finish(checkMachine(machines, 'wasm', stop.signal), () => stop.abort())).rejects.toMatchObject(
    { name: 'AbortError' },
  )
})
