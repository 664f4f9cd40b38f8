// Knows: WebLLM on the page: its list without its code, its code under the page's policy up to the first missing files, and the sentences about
// them. This test replaces the hosts of weights and programs; no weights exist here.
import type { Browser, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const MODEL = 'SmolLM2-135M-Instruct-q0f32-MLC'
const FOLDER = `https://huggingface.co/mlc-ai/${MODEL}/resolve/main/`

let browser: Browser
let site: Site
let watched: Watched
let person: Person
/** URLs requested from other hosts, in order. */
const requested: string[] = []
/** Responses of other hosts; all else is 404. */
const responses = new Map<string, string>()

const respond = async (route: Route): Promise<void> => {
  const url = route.request().url()
  requested.push(url)
  const body = responses.get(url)
  await route.fulfill({
    status: body === undefined ? 404 : 200,
    body: body ?? 'not here',
    headers: { 'access-control-allow-origin': '*' },
  })
}

beforeAll(async () => {
  browser = await openBrowser({ webgpu: true })
  site = await serveFolder(DIST, { under: '/some/where/' })
  watched = await openPage(browser, site.url)
  await watched.context.route(/^https:/, respond)
  await waitUntilIsolated(watched.page)
  person = new Person(watched.page)
  await watched.page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
  await person.goTo('Teacher')
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

const list = () => watched.page.getByRole('list', { name: 'WebLLM’s models' })
const main = (): Promise<string> => watched.page.getByRole('main').innerText()
const choose = (name: string): Promise<void> => list().getByRole('button', { name, exact: true }).click()
const search = (words: string): Promise<void> =>
  watched.page.getByRole('searchbox', { name: 'Search WebLLM’s models' }).fill(words)
const loadAgain = async (): Promise<string> => {
  await person.press('Load teacher')
  await person.waitFor(/is not loaded yet/)
  return main()
}

test('lists models with their memory, hides unsupported ones, and needs neither WebLLM’s code nor a network', async () => {
  await watched.page.getByText('WebLLM’s models, on the graphics card').click()
  await list().waitFor()
  expect(await list().innerText()).not.toContain('f16')
  await search('smollm2 135m')
  await expect
    .poll(() => list().innerText())
    .toMatch(/SmolLM2-135M-Instruct-q0f32-MLC\s+754 MB on the card, about 540 MB to download/)
  await watched.page.getByRole('checkbox', { name: 'Only models that run here' }).uncheck()
  await choose('SmolLM2-135M-Instruct-q0f16-MLC')
  await expect.poll(main).toContain('SmolLM2-135M-Instruct-q0f32-MLC is the same model and works here.')
  for (const width of [1280, 390]) {
    await watched.page.setViewportSize({ width, height: 900 })
    expect(await overflowOf(watched.page), `${width} px`).toBe(0)
  }
  await watched.page.setViewportSize({ width: 1280, height: 900 })
  expect(await findBarriers(watched.page)).toEqual([])
  await choose(MODEL)
  await person.waitFor(/can be used\. It is not loaded yet/)
  expect(await main()).toContain('754 MB on the graphics card, the only device it runs on')
  expect([requested, site.requested.filter((path) => path.includes('web-llm-'))]).toEqual([[], []])
  expectNoErrors(watched)
})

test('runs WebLLM’s code under the page’s policy, and reports that its first file is missing', async () => {
  expect(await loadAgain()).toContain(`${MODEL} could not be downloaded`)
  expect(requested).toEqual([`${FOLDER}mlc-chat-config.json`])
  expect(site.requested.filter((path) => /web-llm-[\w-]{8}\.js$/.test(path)).length).toBe(1)
})

test('resumes from stored files, compiles the program, and reports a damaged one', async () => {
  responses.set(
    `${FOLDER}mlc-chat-config.json`,
    JSON.stringify({
      model_type: 'llama',
      vocab_size: 100,
      context_window_size: 4096,
      conv_template: {},
      tokenizer_files: ['tokenizer.json'],
    }),
  )
  const before = requested.length
  expect(await loadAgain()).toContain(`${MODEL} could not be downloaded`)
  expect(requested.slice(before)).toEqual([
    `${FOLDER}mlc-chat-config.json`,
    expect.stringMatching(
      /^https:\/\/raw\.githubusercontent\.com\/.*SmolLM2-135M-Instruct-q0f32_cs1k-webgpu\.wasm$/,
    ),
  ])
  responses.set(requested.at(-1) ?? '', 'this is no program')
  const between = requested.length
  expect(await loadAgain()).toContain(`The program that runs ${MODEL} is damaged`)
  // The configuration was stored, the damaged program was not: it is requested again.
  expect(requested.length).toBe(between + 1)
  expect(await loadAgain()).toContain(`is damaged`)
  expect(requested.slice(between)).toEqual([requested[between], requested[between]])
})

test('marks stored models with their size and partial downloads as such, and deletes both', async () => {
  const store = (names: readonly string[]) =>
    watched.page.evaluate(
      async ([folder, files]) => {
        const cache = await caches.open('webllm/model')
        for (const name of files)
          await cache.put(
            folder + name,
            new Response(
              name === 'tensor-cache.json'
                ? JSON.stringify({ records: [{ dataPath: 'params_shard_0.bin' }] })
                : 'x'.repeat(5000),
            ),
          )
        return (await cache.keys()).length
      },
      [FOLDER, names] as const,
    )
  const reopen = async (): Promise<string> => {
    await watched.page.getByText('WebLLM’s models, on the graphics card').click()
    await watched.page.getByText('WebLLM’s models, on the graphics card').click()
    return list().innerText()
  }
  await store(['tensor-cache.json'])
  await expect.poll(reopen).toContain('partly downloaded')
  await store(['params_shard_0.bin'])
  await expect.poll(reopen).toMatch(/stored in this browser\s*754 MB on the card, 5\.\d+ kB stored/)
  await watched.page.getByRole('button', { name: `Delete ${MODEL}` }).click()
  await watched.page.getByRole('button', { name: 'Delete the model', exact: true }).click()
  await expect.poll(() => list().innerText()).not.toContain('stored')
  const left = await watched.page.evaluate(async () =>
    Promise.all(
      ['webllm/model', 'webllm/config', 'webllm/wasm'].map(
        async (name) => (await (await caches.open(name)).keys()).length,
      ),
    ),
  )
  expect(left).toEqual([0, 0, 0])
  watched.ignore(
    /request to another origin: https:\/\/(huggingface\.co|raw\.githubusercontent\.com)\/|status of 404/,
  )
  expectNoErrors(watched)
})
