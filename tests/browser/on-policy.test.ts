// A student that learns from its own answers in the page, told by the teacher in the box: two workers that speak past the page.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoFaults, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 1
name: Own answers
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
    ownFrom: 0.2
    answerTokens: 32
    context: 160
    steps: 60
    batch: 4
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

describe('a student that learns from its own answers', { timeout: 300_000 }, () => {
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

  test('is told before it starts that it needs the teacher', async () => {
    await person.beginWith(RECIPE)
    await checkScreen()
    await person.goTo('Student')
    expect(await main()).toContain('This asks the loaded teacher, and none is loaded: load one first.')
    await checkScreen()
    await person.runAndFreeze(120)
  })

  test('is trained, paused, gone on with, and ends; it tells on what it learned', async () => {
    await person.goTo('Student')
    expect(await main()).toContain('Corner shop is asked all the while')
    await person.press('Train student')
    await person.waitFor(/from the texts until step 12, then from its own answers too/, 60)
    expect(await main()).toMatch(/Time left\s+\d+ (second|minute)/) // known before the first step on own answers
    await person.waitFor(/% of its steps so far were on its own answers/, 60)
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
    const looks = points.flatMap(({ heldOut }) => heldOut ?? [])
    expect(looks.at(-1)).toBeLessThan(looks[0] ?? 0)
    expect(await main()).toContain('own answers, GKD')
    await checkScreen()
  })

  test('stops with a sentence when the teacher is unloaded, and goes on once it is back', async () => {
    await person.press('Train student')
    await person.waitFor(/% of its steps so far were on its own answers/, 60)
    await person.goTo('Teacher')
    await person.press('Let it go')
    await person.goTo('Student')
    await person.waitFor(
      /Training broke off: The teacher that this student learns from, “Corner shop”, was unloaded\. Load it again on the Teacher screen/,
      30,
    )
    const broken = await newest()
    expect(broken).toMatchObject({ status: 'failed' })
    expect(broken?.['checkpointStep']).toBeGreaterThan(12)
    await person.press('Resume')
    await person.waitFor(/and no teacher is loaded\. Load it on the Teacher screen/, 30)
    await person.goTo('Teacher')
    await person.press('Load it')
    await person.waitFor(/is loaded on/)
    await person.goTo('Student')
    await person.press('Resume')
    await person.waitFor(/The student is trained/, 120)
    expect(await newest()).toMatchObject({ status: 'trained', checkpointStep: 60, id: broken?.['id'] })
    expectNoFaults(watched)
  })
})
