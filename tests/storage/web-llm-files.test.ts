// What WebLLM keeps is listed and deleted here as WebLLM's own functions would, which run beside ours on the same cache.
import { deleteModelAllInfoInCache, hasModelInCache, prebuiltAppConfig } from '@mlc-ai/web-llm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deleteWebLlm } from '../../src/actions/delete-web-llm.ts'
import { listWebLlm } from '../../src/actions/list-web-llm.ts'
import type { WebLlmModel } from '../../src/domain/web-llm.ts'
import * as catalogue from '../../src/pipeline/web-llm/catalogue.ts'
import { folderOf, listWebLlmFiles } from '../../src/storage/web-llm-files.ts'
import { CachesStandIn } from '../stand-ins/caches.ts'

let caches: CachesStandIn
beforeEach(() => vi.stubGlobal('caches', (caches = new CachesStandIn())))
afterEach(() => vi.unstubAllGlobals())

const find = (id: string): WebLlmModel => catalogue.findWebLlmModel(id) ?? expect.fail(id)
const small = find('SmolLM2-135M-Instruct-q0f32-MLC')
const shared = find('TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC')
const SHARDS = ['params_shard_0.bin', 'params_shard_1.bin']

/** Keeps what WebLLM keeps, under its names. */
async function keep(model: WebLlmModel, shards = SHARDS): Promise<void> {
  const folder = folderOf(model)
  const put = async (
    cache: string,
    url: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<void> => (await caches.open(cache)).put(url, new Response(body, { headers }))
  await put('webllm/config', `${folder}mlc-chat-config.json`, '{}')
  await put('webllm/wasm', model.library, 'program')
  await put('webllm/model', `${folder}tokenizer.json`, '{}', { 'content-length': '2' })
  await put(
    'webllm/model',
    `${folder}tensor-cache.json`,
    JSON.stringify({ metadata: {}, records: SHARDS.map((dataPath) => ({ dataPath, nbytes: 100 })) }),
    { 'content-encoding': 'gzip', 'content-length': '5' },
  )
  for (const shard of shards)
    await put('webllm/model', folder + shard, 'x'.repeat(100), { 'content-length': '100' })
}
const listed = async (id: string) => (await listWebLlm(catalogue)).find((model) => model.id === id)?.kept
const addresses = async (): Promise<string[]> =>
  (
    await Promise.all(
      (await caches.keys()).map(async (name) =>
        (await (await caches.open(name)).keys()).map(({ url }) => url),
      ),
    )
  ).flat()

test('a model is whole exactly where WebLLM says that it has it', async () => {
  expect(await listed(small.id)).toBeUndefined()
  await keep(small, SHARDS.slice(1))
  expect(await listed(small.id)).toMatchObject({ whole: false })
  expect(await hasModelInCache(small.id, prebuiltAppConfig)).toBe(false)
  await keep(small)
  expect(await listed(small.id)).toMatchObject({ whole: true })
  expect(await hasModelInCache(small.id, prebuiltAppConfig)).toBe(true)
})

test('its size is that of its files as they are kept, not as they came', async () => {
  await keep(small)
  const list = JSON.stringify({
    metadata: {},
    records: SHARDS.map((dataPath) => ({ dataPath, nbytes: 100 })),
  })
  expect((await listed(small.id))?.bytes).toBe(200 + 2 + list.length)
})

test('deleting leaves what WebLLM’s own deleting leaves, but for the list of weights that it forgets', async () => {
  await keep(small)
  await keep(shared)
  await deleteModelAllInfoInCache(small.id, prebuiltAppConfig)
  const theirs = (await addresses()).filter((url) => url !== `${folderOf(small)}tensor-cache.json`)
  await keep(small)
  await deleteWebLlm(small, await listWebLlm(catalogue))
  expect((await addresses()).toSorted()).toEqual(theirs.toSorted())
  expect(await hasModelInCache(shared.id, prebuiltAppConfig)).toBe(true)
})

test('models that share their weights are kept and deleted together', async () => {
  const other = find(`${shared.id}-1k`)
  await keep(shared)
  expect([await listed(shared.id), await listed(other.id)]).toEqual([
    expect.objectContaining({ whole: true }),
    expect.objectContaining({ whole: true }),
  ])
  await deleteWebLlm(other, await listWebLlm(catalogue))
  expect(await listed(shared.id)).toBeUndefined()
})

test('a program that another kept model runs on stays', async () => {
  const users = catalogue.WEB_LLM_MODELS.filter(
    ({ library }) => catalogue.WEB_LLM_MODELS.filter((model) => model.library === library).length > 1,
  )
  const [one, two] = [
    users[0],
    users.find(({ library, address }) => library === users[0]?.library && address !== users[0]?.address),
  ]
  if (one === undefined || two === undefined)
    return expect.fail('no two models of the catalogue share a program')
  await keep(one)
  await keep(two)
  await deleteWebLlm(one, await listWebLlm(catalogue))
  expect(await addresses()).toContain(two.library)
  await deleteWebLlm(two, await listWebLlm(catalogue))
  expect(await addresses()).toEqual([])
})

test('looking makes no cache, a damaged list is not whole, and without caches nothing is kept', async () => {
  await listWebLlmFiles()
  expect(await caches.keys()).toEqual([])
  await keep(small)
  await (await caches.open('webllm/model')).put(`${folderOf(small)}tensor-cache.json`, new Response('<html>'))
  expect(await listed(small.id)).toMatchObject({ whole: false })
  vi.unstubAllGlobals()
  expect((await listWebLlmFiles()).size).toBe(0)
})
