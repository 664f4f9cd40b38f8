// Knows: a graphics card that is lost during training: Chromium's GPU process is crashed, as by a driver reset.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/storage/database.ts'
import { putProject } from '../../src/storage/projects.ts'
import { saveProject } from '../../workers/corpus/save-project.ts'
import { storeSampleProject } from '../stand-ins/sample-project.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'
import 'fake-indexeddb/auto'

const RECIPE = `retort: 2
name: On a card
rngSeed: 3
steps:
  - complete: teacher
  - freeze: split
  - train: teacher-text
    preset: nano
    vocabulary: 512
    context: 32
    steps: 24
    batchSize: 2
    evaluateEvery: 2
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person
beforeAll(async () => {
  browser = await openBrowser({ webgpu: true })
  site = await serveFolder(DIST)
  watched = await openPage(browser, site.url)
  await waitUntilIsolated(watched.page)
  person = new Person(watched.page)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

/** A project with frozen rows, as a saved file. */
async function makeProjectFile(): Promise<Buffer> {
  const db = await openDatabase('device loss')
  const { project } = await storeSampleProject(db, { rows: 30 })
  await putProject(db, { ...project, recipeText: RECIPE })
  const saved = await saveProject(
    db,
    { projectId: project.id },
    { signal: new AbortController().signal, emit: () => undefined },
    Date.now(),
  )
  return Buffer.from(saved.value.bytes)
}

test('resumes training with a new graphics card after the first is lost, and shows it', async () => {
  const { page } = watched
  await page.getByLabel('Project file').setInputFiles({
    name: 'card.retort',
    mimeType: 'application/octet-stream',
    buffer: await makeProjectFile(),
  })
  await page.getByRole('heading', { level: 1, name: 'Seeds' }).waitFor()
  await person.goTo('Student')
  await page.getByRole('radio', { name: 'Graphics card', exact: true }).check()
  await person.press('Train student')
  await person.waitFor(/step [3-7] of 24/, 180)
  await (await browser.newBrowserCDPSession()).send('Browser.crashGpuProcess')
  await page
    .getByText(
      /^The browser lost the graphics card\. Training resumed automatically from the checkpoint at step \d+\.$/,
    )
    .waitFor({ timeout: 60_000 })
  await person.waitFor(/^The student is trained: .* (24 steps|of 24,)/, 240)
  const student = (await readStore(page, 'students')).find((one) => one['backend'] === 'webgpu')
  expect(student).toMatchObject({ status: 'trained', checkpointStep: 24 })
  expect(student?.['points']).toMatchObject(Array.from({ length: 24 }, (_, i) => ({ step: i + 1 })))
  expectNoErrors(watched)
})
