// WebLLM's list: what this machine can run, stored models first, what is deleted together with a model.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { MachineFacts } from '../../../src/domain/machine.ts'
import { WebLlm } from '../../../src/state/models/web-llm.svelte.ts'
import { CachesStandIn } from '../../stand-ins/caches.ts'

const facts = (webgpu: MachineFacts['webgpu']): { facts: MachineFacts } => ({
  facts: { webgpu, threads: { isolated: true, count: 2 } },
})
let caches: CachesStandIn
beforeEach(() => vi.stubGlobal('caches', (caches = new CachesStandIn())))
afterEach(() => vi.unstubAllGlobals())

const ids = (list: WebLlm): readonly string[] => list.found.map(({ id }) => id)

test('reads nothing before the list is opened', () => {
  const list = new WebLlm(facts({ available: true, shaderF16: true }))
  expect([list.count, list.found.length, list.refusal]).toEqual([0, 0, undefined])
})

test('hides what the machine cannot run unless requested', async () => {
  const list = new WebLlm(facts({ available: true, shaderF16: false }))
  await list.refresh()
  expect(ids(list).some((id) => id.includes('f16'))).toBe(false)
  expect(list.found.length).toBe(list.runnable)
  list.onlyRunnable = false
  expect(list.found.length).toBe(list.count)
  expect(list.refusalOf(list.found.find(({ needsF16 }) => needsF16) ?? expect.fail('none'))).toMatch(
    /16-bit floats/,
  )
})

test('returns a refusal on a machine without WebGPU', async () => {
  const list = new WebLlm(facts({ available: false, shaderF16: false, reason: 'No adapter.' }))
  await list.refresh()
  expect(list.refusal).toMatch(/No adapter\./)
})

test('a query narrows the list, stored models are first, and models that share files are deleted together', async () => {
  const list = new WebLlm(facts({ available: true, shaderF16: true }))
  const stored =
    'https://huggingface.co/mlc-ai/TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC/resolve/main/tensor-cache.json'
  await (await caches.open('webllm/model')).put(stored, new Response('{}'))
  await list.refresh()
  list.query = 'tinyllama v1.0'
  expect(ids(list).slice(0, 2).toSorted()).toEqual([
    'TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC',
    'TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC-1k',
  ])
  expect(ids(list).length).toBe(4)
  const [first] = list.found
  if (first === undefined) return expect.fail('nothing is found')
  expect(list.sharersOf(first).length).toBe(1)
  await list.remove(first)
  expect(list.found.every((model) => model.download === undefined)).toBe(true)
})
