// Several teachers on the Student screen: the one in the box and a changed copy of it, their stored probabilities with weights, deleting
// them, and the sentence where hidden states do not fit.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoFaults, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 1
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
    batch: 4
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

/** The model in the box under another name of as many letters, with some of its weights changed. */
function changeBox(): Uint8Array {
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

  test('have rows to be asked along', async () => {
    await person.beginWith(RECIPE)
    await person.runAndFreeze(300)
    await person.goTo('Student')
  })

  test('the loaded one is asked first, and then stands in the list with what is stored of it', async () => {
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner shop\s*loaded[\s\S]*asked first: 16 tokens, temperature 1/)
    await checkScreen()
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 240)
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner shop\s*loaded[\s\S]*16 tokens, temperature 1, .*(kB|MB)/)
    expect(await main()).toContain('forward KL of Corner shop')
  })

  test('hidden states of another width are refused with both widths, on the screen and before anything is asked', async () => {
    await watched.page.getByText('Settings of the training step').click()
    const weight = watched.page.getByRole('spinbutton', { name: 'Weight of the hidden states', exact: true })
    await weight.fill('1')
    await weight.blur()
    await expect
      .poll(() => teachers().innerText())
      .toContain('The hidden states of Corner shop are 192 wide and those of a student of size “nano” 48')
    expect(await teachers().innerText()).toContain('384 bytes for each token of a completion')
    await checkScreen()
    await person.press('Train student')
    await expect
      .poll(main, { timeout: 60_000 })
      .toMatch(/Choose the size “fair”, which is 192 wide[\s\S]*Choose the size “fair”, which is 192 wide/) // in the list, and as what went wrong
    expect(await readStore(watched.page, 'students')).toHaveLength(1)
    await watched.page.getByText('Settings of the training step').click()
    await weight.fill('0')
    await weight.blur()
  })

  test('a student learns from two by their weights, and its record and the list say so', async () => {
    await person.goTo('Teacher')
    await watched.page.getByLabel('Model file').setInputFiles({
      name: 'corner-stop.gguf',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(changeBox()),
    })
    await person.press('Load teacher')
    await person.waitFor(/Corner stop is loaded on/, 180)
    await person.goTo('Student')
    await expect
      .poll(() => teachers().innerText())
      .toMatch(/Corner stop\s*loaded[\s\S]*asked first[\s\S]*Corner shop/)
    const weight = watched.page.getByRole('spinbutton', { name: /^Weight of Corner shop,/ })
    expect(await weight.inputValue()).toBe('0')
    await weight.fill('3')
    await weight.blur()
    await expect.poll(() => teachers().innerText()).toMatch(/25 %[\s\S]*75 %/)
    await checkScreen()
    await person.press('Train student')
    // Until it begins, the screen tells of the one before.
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
      { name: 'Corner stop', weight: 1, trace: expect.stringMatching(/-16-1\.trace$/) as string },
      { name: 'Corner shop', weight: 3, trace: expect.stringMatching(/-16-1\.trace$/) as string },
    ])
    expect(student?.['trace']).toBeUndefined()
    await expect.poll(main).toContain('forward KL of Corner stop (25 %), Corner shop (75 %)')
    await checkScreen()
  })

  test('stored probabilities are deleted when the person says so, and not before', async () => {
    await teachers()
      .getByRole('button', { name: /^Delete the stored probabilities of Corner shop,/ })
      .click()
    expect(await watched.page.getByRole('alertdialog').innerText()).toMatch(
      /What Corner shop said along these rows \(.*\) will be deleted[\s\S]*Trained students stay as they are\./,
    )
    await watched.page.getByRole('button', { name: 'Cancel' }).click()
    expect(await teachers().innerText()).toContain('Corner shop')
    await teachers()
      .getByRole('button', { name: /^Delete the stored probabilities of Corner shop,/ })
      .click()
    await watched.page.getByRole('button', { name: 'Delete the probabilities' }).click()
    await expect.poll(() => teachers().innerText()).not.toContain('Corner shop')
    expect(await teachers().innerText()).toContain('Corner stop')
    await checkScreen()
    expectNoFaults(watched)
  })
})
