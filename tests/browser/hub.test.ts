// Knows: a model of several files: found on a hub, its download cancelled and resumed after a reload, stored, used without the hub; and the same
// folder picked from disk.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HubStandIn } from '../stand-ins/hub.ts'
import { makeModelFolder } from '../workers/teachers/small-folder.ts'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const FOLDER = makeModelFolder()
const NAME = 'owner/tiny'

let browser: Browser
let site: Site
let hub: HubStandIn
let watched: Watched
let person: Person
let disk: string
beforeAll(async () => {
  hub = await new HubStandIn().open()
  hub.put(NAME, {
    files: new Map([
      ...FOLDER,
      ['tiny-Q8_0.gguf', new Uint8Array(3000)],
      ['onnx/model_q4.onnx', new Uint8Array(2000)],
    ]),
    licence: 'apache-2.0',
  })
  disk = mkdtempSync(join(tmpdir(), 'folder-'))
  for (const [path, bytes] of [...FOLDER, ['.cache/x', new Uint8Array(1)] as const]) {
    mkdirSync(dirname(join(disk, 'picked', path)), { recursive: true })
    writeFileSync(join(disk, 'picked', path), bytes)
  }
  browser = await openBrowser()
  site = await serveFolder(DIST)
  watched = await openPage(browser, site.url)
  person = new Person(watched.page)
  await waitUntilIsolated(watched.page)
  await watched.page.getByRole('button', { name: 'New project' }).click()
  await person.goTo('Teacher')
})
afterAll(async () => {
  await browser.close()
  await site.close()
  await hub.close()
  rmSync(disk, { recursive: true })
})

const main = (): Promise<string> => watched.page.getByRole('main').innerText()
const row = (text: RegExp) => watched.page.getByRole('main').getByRole('listitem').filter({ hasText: text })
async function checkScreen(): Promise<void> {
  expect(await findBarriers(watched.page)).toEqual([])
  await watched.page.setViewportSize({ width: 390, height: 800 })
  expect(await overflowOf(watched.page)).toBe(0)
  await watched.page.setViewportSize({ width: 1280, height: 900 })
}

test('lists the models of a hub page with their sizes, and the facts of the chosen one', async () => {
  await watched.page.getByLabel('Model address').fill('owner/tiny')
  await watched.page.getByLabel('Model address').evaluate((input: HTMLInputElement) => (input.type = 'text')) // a URL field does not submit an invalid URL
  await person.press('Inspect')
  await expect.poll(main).toContain('The address does not start with https://')
  await watched.page.getByLabel('Model address').fill(`${hub.url}/${NAME}`)
  await person.press('Inspect')
  await person.waitFor(/owner\/tiny has 3 models\. Choose one/)
  await expect.poll(() => row(/^model\.safetensors/).innerText()).toMatch(/safetensors[\s\S]*kB/)
  await row(/tiny-Q8_0\.gguf/)
    .getByRole('button')
    .click()
  await person.waitFor(/cannot be used/)
  await row(/^model\.safetensors/)
    .getByRole('button')
    .click()
  await person.waitFor(/owner\/tiny can be used/)
  expect(await main()).toMatch(
    /qwen3, 2 layers[\s\S]*apache-2\.0[\s\S]*Source[\s\S]*\/owner\/tiny\/tree\/[0-9a-f]{40}/,
  )
  await checkScreen()
})

test('lists a cancelled download as partly downloaded after a reload, and resumes it', async () => {
  hub.pauseMs = 250
  await person.press('Load teacher')
  await person.waitFor(/Downloading: \d+.* kB of \d+ kB/)
  await expect
    .poll(() => hub.requests.some((line) => /^cdn model-0000\d-of-00002\.safetensors$/.test(line)), {
      timeout: 20_000,
    })
    .toBe(true)
  await watched.page.waitForTimeout(500) // some pieces, not all
  await watched.page.getByRole('button', { name: 'Cancel' }).click()
  await expect
    .poll(() => row(/partly downloaded/).innerText())
    .toMatch(/owner_tiny model\.safetensors[\s\S]*partly downloaded[\s\S]* of /)
  await watched.page.reload()
  await watched.page.getByRole('heading', { level: 1, name: 'Teacher' }).waitFor()
  hub.pauseMs = 0
  hub.requests.length = 0
  await row(/partly downloaded/)
    .getByRole('button')
    .first()
    .click()
  await person.waitFor(/owner\/tiny can be used/)
  hub.requests.length = 0
  await person.press('Load teacher')
  await person.waitFor(/owner\/tiny is loaded on the/)
  expect(hub.requests.filter((line) => /^cdn model-\S+( bytes=\d+-)?$/.test(line))).toEqual([
    expect.stringMatching(/bytes=\d+-$/),
    expect.stringMatching(/^cdn model-0000\d-of-00002\.safetensors$/),
  ])
  await expect.poll(() => row(/stored in this browser/).innerText()).toContain('owner_tiny')
  expect(await row(/partly downloaded/).count()).toBe(0)
})

test('opens a stored model without the hub and generates with it', async () => {
  await watched.page.reload()
  await watched.page.getByRole('heading', { level: 1, name: 'Teacher' }).waitFor()
  const before = hub.requests.length
  await row(/stored in this browser/)
    .getByRole('button')
    .first()
    .click()
  await person.waitFor(/owner\/tiny can be used/)
  await person.press('Load teacher')
  await person.waitFor(/owner\/tiny is loaded on the/)
  await watched.page.getByLabel('Try a prompt').fill('Hi')
  await person.press('Generate')
  await expect
    .poll(() => watched.page.locator('blockquote .prose').innerText(), { timeout: 30_000 })
    .toMatch(/\S/)
  expect(hub.requests.length).toBe(before)
})

test('opens a picked folder as the same model, and refuses a folder without a model', async () => {
  await person.press('Unload')
  await watched.page.getByLabel('Model folder').setInputFiles(join(disk, 'picked'))
  await person.waitFor(/picked can be used/)
  await watched.page.getByLabel('Model folder').setInputFiles(join(disk, 'picked', '.cache'))
  await expect.poll(main).toContain('has no model: no GGUF file with all its parts')
  watched.ignore(/^request to another origin: http:\/\/127\.0\.0\.1:/) // the hub that the person named
  expectNoErrors(watched)
})
