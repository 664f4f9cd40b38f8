// Knows: on-policy distillation in the page with the built-in teacher: two workers that exchange messages directly.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 2
name: Own completions
rngSeed: 5
steps:
  - complete: teacher
    n: 2
    system: ""
    temperature: 1
    topP: 1
    repetitionPenalty: 1
    maxTokens: 80
  - freeze: split
    heldOut: 0.2
  - train: on-policy
    preset: nano
    divergence: forward-kl
    lambda: 1
    textWarmUp: 0.2
    maxTokens: 32
    context: 160
    steps: 60
    batchSize: 4
    learningRate: 0.004
    evaluateEvery: 15
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

const main = (): Promise<string> => watched.page.getByRole('main').innerText()
const checkScreen = async (): Promise<void> => {
  expect(await findBarriers(watched.page)).toEqual([])
  expect(await overflowOf(watched.page)).toBe(0)
}
const newest = async (): Promise<Record<string, unknown> | undefined> =>
  (await readStore(watched.page, 'students')).toSorted(
    (a, b) => Number(b['startedAt']) - Number(a['startedAt']),
  )[0]

describe('on-policy distillation', { timeout: 300_000 }, () => {
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

  test('shows what it still needs before it starts', async () => {
    await person.beginWith(RECIPE)
    await checkScreen()
    await person.goTo('Student')
    expect(await main()).toContain('Training needs a frozen dataset, and there is none.')
    expect(await person.button('Train student').isDisabled()).toBe(true)
    await checkScreen()
    await person.runAndFreeze(120)
  })

  test('trains, pauses, resumes and finishes, and shows the share of own completions', async () => {
    await person.goTo('Student')
    expect(await main()).toContain('Corner shop computes token probabilities during training')
    await person.press('Train student')
    await person.waitFor(/on texts until step 12, then on the student’s own completions too/, 60)
    expect(await main()).toMatch(/Time left\s+\d+ (second|minute)/) // known before the first on-policy step
    await person.waitFor(/% of the steps so far were on-policy/, 60)
    await person.press('Pause')
    const paused = await person.waitFor(/^Paused at step \d+/, 20)
    await checkScreen()
    await person.press('Resume')
    await person.waitFor(/Training: step/, 60)
    await person.waitFor(/The student is trained/, 120)
    const student = await newest()
    expect(student).toMatchObject({
      status: 'trained',
      checkpointStep: 60,
      settings: { loss: 'on-policy', lambda: 1 },
      teacher: { name: 'Corner shop' },
    })
    const points = student?.['points'] as readonly { step: number; heldOut?: number }[]
    const steps = points.map(({ step }) => step)
    expect(steps).toEqual(steps.toSorted((x, y) => x - y))
    expect(points.flatMap(({ step, heldOut }) => (heldOut === undefined ? [] : [step]))).toEqual([
      15, 30, 45, 60,
    ])
    expect(Number(/step (\d+)/.exec(paused)?.[1])).toBeLessThan(60)
    const losses = points.flatMap(({ heldOut }) => heldOut ?? [])
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0)
    expect(await main()).toContain('own completions, GKD')
    await checkScreen()
  })

  test('stops with a sentence if the teacher is unloaded, and Resume loads it again', async () => {
    await person.press('Train student')
    await person.waitFor(/% of the steps so far were on-policy/, 60)
    await person.goTo('Teacher')
    await person.press('Unload')
    await person.goTo('Student')
    await person.waitFor(
      /Training failed: The teacher that this student learns from(?:, “Corner shop”,)? was unloaded\. Load it again on the Teacher screen/,
      30,
    )
    const failed = await newest()
    expect(failed).toMatchObject({ status: 'failed' })
    expect(failed?.['checkpointStep']).toBeGreaterThan(12)
    await person.press('Resume') // loads the built-in teacher again by itself
    await person.waitFor(/The student is trained/, 120)
    expect(await newest()).toMatchObject({ status: 'trained', checkpointStep: 60, id: failed?.['id'] })
    expectNoErrors(watched)
  })
})
