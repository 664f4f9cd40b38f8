// WebLLM's list as it is looked through: what this machine runs, what is kept stands first, what goes when one is deleted.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { MachineFacts } from '../../src/domain/model.ts'
import { WebLlm } from '../../src/state/web-llm.svelte.ts'
import { CachesStandIn } from '../stand-ins/caches.ts'

const facts = (webgpu: MachineFacts['webgpu']): { facts: MachineFacts } => ({
  facts: { webgpu, threads: { isolated: true, count: 2 } },
})
let caches: CachesStandIn
beforeEach(() => vi.stubGlobal('caches', (caches = new CachesStandIn())))
afterEach(() => vi.unstubAllGlobals())

const ids = (list: WebLlm): readonly string[] => list.found.map(({ id }) => id)

test('nothing is read before the list is opened', () => {
  const list = new WebLlm(facts({ available: true, shaderF16: true }))
  expect([list.count, list.found.length, list.refusal]).toEqual([0, 0, undefined])
})

test('what a machine cannot run is left out until it is asked for', async () => {
  const list = new WebLlm(facts({ available: true, shaderF16: false }))
  await list.refresh()
  expect(ids(list).some((id) => id.includes('f16'))).toBe(false)
  expect(list.found.length).toBe(list.runnable)
  list.onlyRunnable = false
  expect(list.found.length).toBe(list.count)
  expect(list.refusalOf(list.found.find(({ needsF16 }) => needsF16) ?? expect.fail('none'))).toMatch(
    /16 bits/,
  )
})

test('a machine without WebGPU is told so', async () => {
  const list = new WebLlm(facts({ available: false, shaderF16: false, why: 'No adapter.' }))
  await list.refresh()
  expect(list.refusal).toMatch(/No adapter\./)
})

test('words narrow the list, and what is kept stands first; deleting says what goes too', async () => {
  const list = new WebLlm(facts({ available: true, shaderF16: true }))
  const kept =
    'https://huggingface.co/mlc-ai/TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC/resolve/main/tensor-cache.json'
  await (await caches.open('webllm/model')).put(kept, new Response('{}'))
  await list.refresh()
  list.words = 'tinyllama v1.0'
  expect(ids(list).slice(0, 2).toSorted()).toEqual([
    'TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC',
    'TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC-1k',
  ])
  expect(ids(list).length).toBe(4)
  const [first] = list.found
  if (first === undefined) return expect.fail('nothing is found')
  expect(list.sharersOf(first).length).toBe(1)
  await list.remove(first)
  expect(list.found.every((model) => model.kept === undefined)).toBe(true)
})
