import { expect, test } from 'vitest'
import { Machine, tellAbilities } from '../../src/state/machine.svelte.ts'

const BARE = {
  webgpu: { available: false, shaderF16: false, why: 'No WebGPU.' },
  threads: { isolated: false, count: 1 },
}

test('a machine that can do little is told what that means, in four abilities', () => {
  const abilities = tellAbilities(BARE)
  expect(abilities.map((ability) => ability.tone)).toEqual(['fair', 'fair', 'fair', 'fair'])
  expect(abilities[0]?.meaning).toContain('processor instead')
  expect(abilities[1]?.value).toBe('1 thread')
})

test('a machine that can do much says so', () => {
  const abilities = tellAbilities({
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

test('WebGPU is offered only where it is', async () => {
  const machine = new Machine()
  expect(machine.backends).toEqual(['wasm'])
  await machine.look({
    navigator: {
      hardwareConcurrency: 4,
      gpu: { requestAdapter: async () => ({ features: new Set<string>() }) },
    },
    crossOriginIsolated: true,
  })
  expect(machine.backends).toEqual(['wasm', 'webgpu'])
})
