// WebLLM's files are listed and deleted as WebLLM's own functions do it, which run on the same cache for comparison.
import { deleteModelAllInfoInCache, hasModelInCache, prebuiltAppConfig } from '@mlc-ai/web-llm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deleteWebLlm } from '../../src/actions/models/delete-web-llm.ts'
import { listWebLlm } from '../../src/actions/models/list-web-llm.ts'
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

/** Stores the files that WebLLM stores, under its names. */
async function store(model: WebLlmModel, shards = SHARDS): Promise<void> {
  const folder = folderOf(model)
  const put = async (
    cache: string,
    url: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<void> => (await caches.open(cache)).put(url, new Response(body, { headers }))
  await put('webllm/config', `${folder}mlc-chat-config.json`, '{}')
  await put('webllm/wasm', model.library, 'library')
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
const listed = async (id: string) => (await listWebLlm(catalogue)).find((model) => model.id === id)?.download
const addresses = async (): Promise<string[]> =>
  (
    await Promise.all(
      (await caches.keys()).map(async (name) =>
        (await (await caches.open(name)).keys()).map(({ url }) => url),
      ),
    )
  ).flat()

test('reports a model as complete exactly if WebLLM does', async () => {
  expect(await listed(small.id)).toBeUndefined()
  await store(small, SHARDS.slice(1))
  expect(await listed(small.id)).toMatchObject({ complete: false })
  expect(await hasModelInCache(small.id, prebuiltAppConfig)).toBe(false)
  await store(small)
  expect(await listed(small.id)).toMatchObject({ complete: true })
  expect(await hasModelInCache(small.id, prebuiltAppConfig)).toBe(true)
})

test('measures files as they are stored, not as they were sent', async () => {
  await store(small)
  const list = JSON.stringify({
    metadata: {},
    records: SHARDS.map((dataPath) => ({ dataPath, nbytes: 100 })),
  })
  expect((await listed(small.id))?.bytes).toBe(200 + 2 + list.length)
})

test('deletes what WebLLM’s own function deletes, and the list of weights that it leaves', async () => {
  await store(small)
  await store(shared)
  await deleteModelAllInfoInCache(small.id, prebuiltAppConfig)
  const theirs = (await addresses()).filter((url) => url !== `${folderOf(small)}tensor-cache.json`)
  await store(small)
  await deleteWebLlm(small, await listWebLlm(catalogue))
  expect((await addresses()).toSorted()).toEqual(theirs.toSorted())
  expect(await hasModelInCache(shared.id, prebuiltAppConfig)).toBe(true)
})

test('lists and deletes models that share weights together', async () => {
  const other = find(`${shared.id}-1k`)
  await store(shared)
  expect([await listed(shared.id), await listed(other.id)]).toEqual([
    expect.objectContaining({ complete: true }),
    expect.objectContaining({ complete: true }),
  ])
  await deleteWebLlm(other, await listWebLlm(catalogue))
  expect(await listed(shared.id)).toBeUndefined()
})

test('keeps the library that another stored model uses', async () => {
  const users = catalogue.WEB_LLM_MODELS.filter(
    ({ library }) => catalogue.WEB_LLM_MODELS.filter((model) => model.library === library).length > 1,
  )
  const [one, two] = [
    users[0],
    users.find(({ library, address }) => library === users[0]?.library && address !== users[0]?.address),
  ]
  if (one === undefined || two === undefined)
    return expect.fail('no two models of the catalogue share a library')
  await store(one)
  await store(two)
  await deleteWebLlm(one, await listWebLlm(catalogue))
  expect(await addresses()).toContain(two.library)
  await deleteWebLlm(two, await listWebLlm(catalogue))
  expect(await addresses()).toEqual([])
})

test('creates no cache, reports a damaged list as incomplete, and finds nothing without caches', async () => {
  await listWebLlmFiles()
  expect(await caches.keys()).toEqual([])
  await store(small)
  await (await caches.open('webllm/model')).put(`${folderOf(small)}tensor-cache.json`, new Response('<html>'))
  expect(await listed(small.id)).toMatchObject({ complete: false })
  vi.unstubAllGlobals()
  expect((await listWebLlmFiles()).size).toBe(0)
})
