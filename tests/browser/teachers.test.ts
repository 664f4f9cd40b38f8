// Knows: several teachers on the Student screen: the built-in one and a changed copy of it, their soft targets with weights, deleting them, and
// the sentence if hidden states do not fit.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 2
name: Teachers
rngSeed: 5
steps:
  - complete: teacher
    n: 1
    system: ""
    temperature: 1
    maxTokens: 40
  - freeze: split
    heldOut: 0.2
  - train: forward-kl
    preset: nano
    context: 128
    steps: 20
    batchSize: 4
    evaluateEvery: 10
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

const main = (): Promise<string> => watched.page.getByRole('main').innerText()
const teachers = () => watched.page.getByRole('group', { name: 'Teachers to learn from' })
async function checkScreen(): Promise<void> {
  expect(await findBarriers(watched.page)).toEqual([])
  const size = watched.page.viewportSize()
  for (const width of [size?.width ?? 1280, 390]) {
    await watched.page.setViewportSize({ width, height: size?.height ?? 800 })
    expect(await overflowOf(watched.page), `${width} px`).toBe(0)
  }
  if (size) await watched.page.setViewportSize(size)
}

/** The built-in model under another name of the same length, with some weights changed. */
function changeBuiltIn(): Uint8Array {
  const bytes = new Uint8Array(readFileSync(join(DIST, 'teacher', 'corner-shop.gguf')))
  const name = new TextEncoder().encode('Corner shop')
  const at = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte))
  bytes.set(new TextEncoder().encode('Corner stop'), at)
  for (let i = bytes.length - 200_000; i < bytes.length; i += 50) bytes[i] = (bytes[i] ?? 0) ^ 1
  return bytes
}

describe('several teachers', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    browser = await openBrowser()
    site = await serveFolder(DIST, { under: '/some/where/' })
    watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    person = new Person(watched.page)
  })
  afterAll(async () => {
    await browser.close()
    await site.close()
  })

  test('have a dataset to learn from', async () => {
    await person.beginWith(RECIPE)
    await person.runAndFreeze(300)
    await person.goTo('Student')
  })

  test('are listed with the loaded one first, and then with its stored soft targets', async () => {
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner shop\s*loaded[\s\S]*computed first: top 16 tokens, temperature 1/)
    await checkScreen()
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 240)
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner shop\s*loaded[\s\S]*top 16 tokens, temperature 1, .*(kB|MB)/)
    expect(await main()).toContain('forward KL of Corner shop')
  })

  test('refuse hidden states of another width with both widths, before any request', async () => {
    await watched.page.getByText('Training settings').click()
    const weight = watched.page.getByRole('spinbutton', { name: 'Hidden state loss weight', exact: true })
    await weight.fill('1')
    await weight.blur()
    await expect
      .poll(() => teachers().innerText())
      .toContain(
        'The hidden states of Corner shop have width 192, but those of a student of size “nano” have width 48',
      )
    expect(await teachers().innerText()).toContain('384 bytes per completion token')
    await checkScreen()
    await person.press('Train student')
    await expect
      .poll(main, { timeout: 60_000 })
      .toMatch(
        /Choose the model size “fair”, which has width 192[\s\S]*Choose the model size “fair”, which has width 192/,
      ) // in the list, and as the error
    expect(await readStore(watched.page, 'students')).toHaveLength(1)
    await watched.page.getByText('Training settings').click()
    await weight.fill('0')
    await weight.blur()
  })

  test('train a student by their weights, as its record and the list show', async () => {
    await person.goTo('Teacher')
    await watched.page.getByLabel('Model file').setInputFiles({
      name: 'corner-stop.gguf',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(changeBuiltIn()),
    })
    await person.press('Load teacher')
    await person.waitFor(/Corner stop is loaded on/, 180)
    await person.goTo('Student')
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner stop\s*loaded[\s\S]*computed first[\s\S]*Corner shop/)
    const weight = watched.page.getByRole('spinbutton', { name: /^Weight of Corner shop,/ })
    expect(await weight.inputValue()).toBe('0')
    await weight.fill('3')
    await weight.blur()
    await expect.poll(() => teachers().innerText()).toMatch(/25 %[\s\S]*75 %/)
    await checkScreen()
    await person.press('Train student')
    // Until it starts, the screen shows the student before.
    await expect
      .poll(
        async () =>
          (await readStore(watched.page, 'students')).filter((one) => one['status'] === 'trained').length,
        { timeout: 240_000 },
      )
      .toBe(2)
    await person.waitFor(/The student is trained/, 60)
    const student = (await readStore(watched.page, 'students')).toSorted(
      (a, b) => Number(b['startedAt']) - Number(a['startedAt']),
    )[0]
    expect(student?.['teachers']).toMatchObject([
      { name: 'Corner stop', weight: 1, softTargets: expect.stringMatching(/-16-1\.trace$/) as string },
      { name: 'Corner shop', weight: 3, softTargets: expect.stringMatching(/-16-1\.trace$/) as string },
    ])
    expect(student?.['softTargets']).toBeUndefined()
    await expect.poll(main).toContain('forward KL of Corner stop (25 %), Corner shop (75 %)')
    await checkScreen()
  })

  test('have their soft targets deleted after confirmation, and not before', async () => {
    await teachers()
      .getByRole('button', { name: /^Delete the soft targets of Corner shop,/ })
      .click()
    expect(await watched.page.getByRole('alertdialog').innerText()).toMatch(
      /The soft targets of Corner shop for this dataset \(.*\) will be deleted[\s\S]*Trained students are not affected\./,
    )
    await watched.page.getByRole('button', { name: 'Cancel' }).click()
    expect(await teachers().innerText()).toContain('Corner shop')
    await teachers()
      .getByRole('button', { name: /^Delete the soft targets of Corner shop,/ })
      .click()
    await watched.page.getByRole('button', { name: 'Delete the soft targets', exact: true }).click()
    await expect.poll(() => teachers().innerText()).not.toContain('Corner shop')
    expect(await teachers().innerText()).toContain('Corner stop')
    await checkScreen()
    expectNoErrors(watched)
  })
})
