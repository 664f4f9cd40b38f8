// Knows: a classifier in the page that predicts the first word of the built-in teacher's replies: its classes are shown, it learns from texts and
// from the teacher's probabilities, is compared and taken home.
import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

/** Replies of one token each: a few first words, each many times. */
const RECIPE = `retort: 2
name: First words
rngSeed: 5
steps:
  - complete: teacher
    n: 4
    system: ""
    temperature: 0.5
    topP: 0.9
    repetitionPenalty: 1
    maxTokens: 1
  - freeze: split
    heldOut: 0.2
  - train: classes
    preset: nano
    vocabulary: 400
    context: 96
    steps: 80
    batchSize: 16
    learningRate: 0.004
    evaluateEvery: 40
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

const checkScreen = async (): Promise<void> => {
  expect(await findBarriers(watched.page)).toEqual([])
  expect(await overflowOf(watched.page)).toBe(0)
}
const text = (): Promise<string> => watched.page.getByRole('main').innerText()
const newest = async () =>
  (await readStore(watched.page, 'students')).toSorted(
    (a, b) => Number(b['startedAt']) - Number(a['startedAt']),
  )[0] ?? {}

describe('a classifier', { timeout: 400_000 }, () => {
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

  test('gets a dataset with few distinct completions', async () => {
    await person.beginWith(RECIPE)
    await person.runAndFreeze(180)
  })

  test('shows its classes before and after training, and its error rate', async () => {
    await person.goTo('Student')
    await expect.poll(text).toMatch(/\d+ classes: \w+ \(\d+ rows\), /)
    await checkScreen()
    await person.press('Train student')
    expect(await person.waitFor(/The student is trained|Training failed/, 180)).toMatch(/is trained/)
    const { classes, points, shape, notes } = (await newest()) as {
      classes: string[]
      points: { errorRate?: number }[]
      shape: { classes?: number }
      notes: string[]
    }
    expect(classes.length).toBeGreaterThan(1)
    expect(shape.classes).toBe(classes.length)
    expect(points.findLast(({ errorRate }) => errorRate !== undefined)?.errorRate).toBeLessThan(0.9)
    expect(await text()).toContain(notes[0])
    expect(await text()).toMatch(/\d+ % wrong/)
    await checkScreen()
  })

  test('learns the teacher’s class probabilities if the settings say so', async () => {
    await watched.page.getByText('Training settings').click()
    await watched.page.getByRole('spinbutton', { name: 'Soft label share' }).fill('1')
    await person.press('Train student')
    // Until it starts, the screen shows the student before.
    await expect
      .poll(
        async () =>
          (await readStore(watched.page, 'students')).filter((one) => one['status'] !== 'training').length,
        { timeout: 240_000 },
      )
      .toBe(2)
    expect(await person.waitFor(/The student is trained|Training failed/, 60)).toMatch(/is trained/)
    const { softTargets, settings } = (await newest()) as {
      softTargets?: string
      settings: { softShare: number }
    }
    expect(settings.softShare).toBe(1)
    expect(softTargets).toMatch(/-classes-1\.trace$/)
  })

  test('is taken home as a classification folder, and is no base for another student', async () => {
    await person.goTo('Take home')
    expect(await watched.page.getByRole('radio', { name: /GGUF/ }).count()).toBe(0)
    expect(await text()).toContain('GGUF is not available')
    await checkScreen()
    const { path } = await person.download('Download student')
    const config = Object.entries(unzipSync(new Uint8Array(readFileSync(path)))).find(([name]) =>
      name.endsWith('/config.json'),
    )?.[1]
    expect(JSON.parse(new TextDecoder().decode(config))).toMatchObject({
      architectures: ['LlamaForSequenceClassification'],
      pad_token_id: 0,
      problem_type: 'single_label_classification',
    })
    await person.goTo('Student')
    await watched.page.getByLabel('Training objective').selectOption('dpo')
    await expect.poll(text).toMatch(/there is none\. Train one on the texts first|preference pair/)
  })

  test('is measured by its labels instead of a judge', async () => {
    await person.goTo('Compare')
    await person.press('Measure on the held-out rows')
    await expect.poll(text, { timeout: 120_000 }).toMatch(/Right labels[\s\S]*Student after training/)
    expect(await readStore(watched.page, 'comparisons')).toEqual([])
    await checkScreen()
    expectNoErrors(watched)
  })
})
