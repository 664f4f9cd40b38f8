import { describe, expect, test } from 'vitest'
import {
  doubtBatchSize,
  doubtSpeed,
  forgetBatchSize,
  setBatchSize,
} from '../../../src/actions/models/batch-size.ts'
import type { MeasuredBatch } from '../../../src/domain/measured-batch.ts'
import { listBatchSizes, putBatchSize } from '../../../src/storage/batches.ts'
import { getThreads, putThreads } from '../../../src/storage/threads.ts'
import { makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'

const { fingerprint } = DESCRIPTION.card
const TEACHER = { ...DESCRIPTION, backend: 'wasm' as const, batch: 2 }
const measured = (device: string, tokensPerSecond: number): MeasuredBatch => ({
  fingerprint,
  device,
  batch: 2,
  rates: [
    { rows: 1, tokensPerSecond: tokensPerSecond / 2 },
    { rows: 2, tokensPerSecond },
  ],
  measuredAt: 1,
})

/** A machine on which the model was measured on the processor and on a graphics card. */
async function makeMeasured(tokensPerSecond = 13) {
  const machines = await makeMachines()
  await putBatchSize(machines.db, measured('wasm, 2 threads, f32', tokensPerSecond))
  await putBatchSize(machines.db, measured('webgpu, a card, nb4s', 100))
  const devices = async () => (await listBatchSizes(machines.db, fingerprint)).map(({ device }) => device)
  return { machines, devices }
}

describe('doubtBatchSize', () => {
  test('forgets a measurement of a busy machine after a run at eight times its speed', async () => {
    const { machines, devices } = await makeMeasured()
    expect(await doubtBatchSize(machines, TEACHER, { tokens: 10_700, ms: 100_000 })).toBe(true)
    expect(await devices()).toEqual(['webgpu, a card, nb4s'])
  })

  test('forgets one that a run at less than half its speed contradicts', async () => {
    const { machines } = await makeMeasured(100)
    expect(await doubtBatchSize(machines, TEACHER, { tokens: 4000, ms: 100_000 })).toBe(true)
  })

  test('keeps one that a run confirms, or that a short run says little about', async () => {
    const { machines, devices } = await makeMeasured()
    expect(await doubtBatchSize(machines, TEACHER, { tokens: 1100, ms: 100_000 })).toBe(false)
    expect(await doubtBatchSize(machines, TEACHER, { tokens: 900, ms: 5000 })).toBe(false)
    expect(await devices()).toHaveLength(2)
  })

  test('keeps one that was set by hand', async () => {
    const { machines, devices } = await makeMeasured()
    expect(await setBatchSize(machines, TEACHER, 2)).toBe(true)
    expect(await doubtBatchSize(machines, TEACHER, { tokens: 10_700, ms: 100_000 })).toBe(false)
    expect(await devices()).toHaveLength(2)
  })
})

test('setBatchSize and forgetBatchSize change the device that the model runs on alone', async () => {
  const { machines, devices } = await makeMeasured()
  await setBatchSize(machines, TEACHER, 6)
  expect(
    (await listBatchSizes(machines.db, fingerprint)).map(({ batch, byHand }) => [batch, byHand]),
  ).toEqual([
    [6, true],
    [2, undefined],
  ])
  await forgetBatchSize(machines, TEACHER)
  expect(await devices()).toEqual(['webgpu, a card, nb4s'])
  expect(await setBatchSize(machines, { ...TEACHER, backend: 'server' }, 6)).toBe(false)
})

test('doubts the number of threads when a run on the processor contradicts what was measured', async () => {
  const { machines } = await makeMeasured()
  const left = () => getThreads(machines.db, '2 cores')
  await putThreads(machines.db, { device: '2 cores', threads: 2, rates: [], measuredAt: 1 })
  await doubtSpeed(machines, TEACHER, { tokens: 1300, ms: 100_000 })
  await doubtSpeed(machines, { ...TEACHER, backend: 'webgpu' }, { tokens: 1300, ms: 100_000 })
  expect(await left()).toBeDefined()
  await doubtSpeed(machines, TEACHER, { tokens: 1300, ms: 300_000 })
  expect(await left()).toBeUndefined()
})
