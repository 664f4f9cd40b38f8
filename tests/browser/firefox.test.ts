// Knows: the main job in Firefox with the built-in teacher: seeds to files, with a reload in the middle of the training and the teacher
// loaded again afterwards, where a start of the runtime once hung.
import type { Browser } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findFirefox, FirefoxPerson, openFirefox } from './firefox.ts'
import { DIST } from './launch.ts'
import { serveFolder, type Site } from './serve.ts'

const firefox = findFirefox()
if (firefox === undefined)
  console.warn('The journey in Firefox is skipped: there is none on the PATH (Debian: firefox-esr).')

/** Small enough for two cores that are busy; nothing is grown. */
const RECIPE = `retort: 2
name: A small journey in Firefox
rngSeed: 7
steps:
  - complete: teacher
    n: 2
    system: ""
    maxTokens: 40
  - filter: length
    min: 1
  - judge: rubric
    rubric: helpfulness@1
  - keep: threshold
    min: 1
  - freeze: split
    heldOut: 0.2
  - train: teacher-text
    preset: nano
    vocabulary: 512
    context: 96
    steps: 80
    batchSize: 8
    evaluateEvery: 10
`

let browser: Browser
let site: Site
let person: FirefoxPerson

describe.skipIf(firefox === undefined)(
  'the main job in Firefox (skipped without one)',
  { timeout: 300_000 },
  () => {
    beforeAll(async () => {
      site = await serveFolder(DIST)
      browser = await openFirefox(firefox ?? '')
      person = new FirefoxPerson(await browser.newPage())
      await person.page.goto(site.url)
      await person.until('cross-origin isolation', 60, () => globalThis.crossOriginIsolated)
    })
    afterAll(async () => {
      await browser?.close()
      await site?.close()
    })

    test('runs a recipe with the built-in teacher on threads, and freezes the kept rows', async () => {
      await person.press('Use this example')
      await person.goTo('Recipe')
      await person.until(
        'the recipe as YAML',
        30,
        (text: string) => {
          const field = document.querySelector('textarea')
          if (field === null) return false
          field.value = text
          field.dispatchEvent(new Event('input', { bubbles: true }))
          return true
        },
        RECIPE,
      )
      await person.press('Use recipe')
      await person.waitFor(/recipe is in use/, 30)
      await person.goTo('Run')
      await person.press('Use the built-in teacher')
      await person.until('the loaded teacher', 120, () =>
        (document.querySelector('main')?.textContent ?? '').includes('Corner shop is loaded'),
      )
      await person.press('Start run')
      await person.waitFor(/^Run finished/, 180)
      await person.goTo('Dataset')
      await person.press('Freeze dataset')
      await person.waitFor(/^Frozen: \d+ rows/, 60)
    })

    test('resumes a training after a reload in its middle, and loads the teacher again', async () => {
      await person.goTo('Student')
      await person.press('Train student')
      await person.waitFor(/step [1-9]\d of 80/, 120)
      await person.page.reload()
      await person.isOn('Student')
      await person.press('Resume')
      await person.waitFor(/^The student is trained/, 180)
      await person.goTo('Teacher')
      await person.press('Load it')
      await person.waitFor(/^Corner shop is loaded on/, 120)
    })

    test('hands over the student as a file', async () => {
      await person.goTo('Take home')
      // The page delivers a file by clicking a link to a blob: the blob is measured, and the browser saves nothing.
      await person.page.evaluate(() => {
        const addressOf = URL.createObjectURL.bind(URL)
        let bytes = 0
        URL.createObjectURL = (object) => {
          if (object instanceof Blob) bytes = object.size
          return addressOf(object)
        }
        HTMLAnchorElement.prototype.click = function () {
          document.body.dataset['delivered'] = `${this.download} ${bytes}`
        }
      })
      await person.press('Download student')
      await person.until('the file', 120, () => document.body.dataset['delivered'] !== undefined)
      const [name = '', size = ''] = (
        await person.page.evaluate(() => document.body.dataset['delivered'] ?? '')
      ).split(/ (?=\d+$)/)
      expect(name).toMatch(/\.zip$/)
      expect(Number(size)).toBeGreaterThan(100_000)
      expect(person.errors).toEqual([])
    })
  },
)
