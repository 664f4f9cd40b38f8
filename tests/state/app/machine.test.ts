import { expect, test } from 'vitest'
import { Machine, describeAbilities } from '../../../src/state/app/machine.svelte.ts'

const BARE = {
  webgpu: { available: false, shaderF16: false, reason: 'No WebGPU.' },
  threads: { isolated: false, count: 1 },
}

test('describeAbilities explains what a weak machine can do, in four abilities', () => {
  const abilities = describeAbilities(BARE)
  expect(abilities.map((ability) => ability.tone)).toEqual(['fair', 'fair', 'fair', 'fair'])
  expect(abilities[0]?.meaning).toContain('processor instead')
  expect(abilities[1]?.value).toBe('1 thread')
})

test('describeAbilities rates a strong machine as good', () => {
  const abilities = describeAbilities({
    webgpu: { available: true, adapter: 'NVIDIA', shaderF16: true },
    threads: { isolated: true, count: 8 },
    memoryGiB: 8,
    storage: { quotaBytes: 60e9, usedBytes: 1e9, persisted: true },
  })
  expect(abilities.map((ability) => ability.tone)).toEqual(['good', 'good', 'good', 'good'])
  expect(abilities.map((ability) => ability.value)).toEqual([
    'NVIDIA',
    '8 threads',
    '8 GB or more',
    'up to 59 GB',
  ])
})

test('Machine offers WebGPU only if it is available', async () => {
  const machine = new Machine()
  expect(machine.backends).toEqual(['wasm'])
  await machine.detect({
    navigator: {
      hardwareConcurrency: 4,
      gpu: { requestAdapter: async () => ({ features: new Set<string>() }) },
    },
    crossOriginIsolated: true,
  })
  expect(machine.backends).toEqual(['wasm', 'webgpu'])
})

test('describeAbilities says what was measured instead of what the browser reports', () => {
  const facts = { ...BARE, threads: { isolated: true, count: 4 } }
  const measured = { device: '4 cores', measuredAt: 0 }
  const rates = [
    { threads: 1, runsPerSecond: 100 },
    { threads: 2, runsPerSecond: 150 },
    { threads: 4, runsPerSecond: 20 },
  ]
  expect(describeAbilities(facts, { ...measured, threads: 2, rates })[1]).toMatchObject({
    value: '2 threads',
    meaning: 'Measured: 1.5 × as fast as one thread. Small datasets are fine; keep runs short.',
  })
  expect(describeAbilities(facts, { ...measured, threads: 1, rates: rates.slice(0, 1) })[1]).toMatchObject({
    value: '1 thread',
  })
  const near = [
    { threads: 1, runsPerSecond: 335 },
    { threads: 2, runsPerSecond: 318 },
  ]
  expect(describeAbilities(facts, { ...measured, threads: 2, rates: near })[1]?.meaning).toBe(
    'Measured: 0.9 × as fast as one thread. Another number is about as fast, so this is measured again at the next start. Small datasets are fine; keep runs short.',
  )
  // Without shared memory one thread runs, whatever was measured before.
  expect(describeAbilities(BARE, { ...measured, threads: 2, rates })[1]?.value).toBe('1 thread')
})
