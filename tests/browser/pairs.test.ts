// Knows: preference pairs with the built-in teacher: chosen by the judge, frozen, taken home, and a student trained on them.
import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 2
name: Pairs
rngSeed: 5
steps:
  - complete: teacher
    n: 4
    system: ""
    temperature: 1.4
    topP: 1
    repetitionPenalty: 1
    maxTokens: 80
  - judge: rubric
    rubric: helpfulness@1
  - keep: pair
    margin: 0.3
  - freeze: split
    heldOut: 0.2
  - train: teacher-text
    preset: nano
    vocabulary: 400
    context: 160
    steps: 60
    batchSize: 4
    learningRate: 0.004
    evaluateEvery: 30
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

const checkScreen = async (): Promise<void> => {
  expect(await findBarriers(watched.page)).toEqual([])
  expect(await overflowOf(watched.page)).toBe(0)
}

describe('preference pairs', { timeout: 300_000 }, () => {
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

  test('pair the best with the worst of four completions per prompt', async () => {
    await person.beginWith(RECIPE)
    await person.goTo('Run')
    await person.press('Use the built-in teacher')
    await expect
      .poll(() => watched.page.getByRole('main').innerText(), { timeout: 60_000 })
      .toContain('Corner shop is loaded')
    await person.press('Start run')
    expect(await person.waitFor(/^(Run finished|The run failed)/, 120)).toMatch(/finished/)
    const dropped = (await readStore(watched.page, 'rows')).filter((row) => row['droppedBy'] === 'pair')
    expect(dropped.length).toBeGreaterThan(20)
    await person.goTo('Dataset')
    await person.press('Freeze dataset')
    await person.waitFor(/^Frozen: \d+ rows/)
    const [dataset] = await readStore(watched.page, 'datasets')
    expect(dataset?.['pairs']).toBeGreaterThan(5)
    expect(await watched.page.getByRole('main').innerText()).toMatch(/\d+ preference pairs/)
  })

  test('train a student with DPO from one trained on the texts', async () => {
    await person.goTo('Student')
    await watched.page.getByLabel('Training objective').selectOption('dpo')
    expect(await watched.page.getByRole('main').innerText()).toContain(
      'there is none. Train one on the texts first',
    )
    await checkScreen()
    await watched.page.getByLabel('Training objective').selectOption('teacher-text')
    await person.press('Train student')
    await person.waitFor(/The student is trained/, 120)
    await watched.page.getByLabel('Training objective').selectOption('dpo')
    expect(await watched.page.getByLabel('Start from').locator('option').count()).toBe(1)
    await checkScreen()
    await person.press('Train student')
    await person.waitFor(/Training: step/, 60)
    await person.waitFor(/The student is trained/, 120)
    const students = (await readStore(watched.page, 'students')).toSorted(
      (a, b) => Number(a['startedAt']) - Number(b['startedAt']),
    )
    expect(students).toHaveLength(2)
    expect(students.map(({ settings }) => (settings as { preset: string }).preset)).toEqual(['nano', 'nano'])
    expect(students[1]?.['base']).toBe(students[0]?.['id'])
    const points = students[1]?.['points'] as readonly { train: number }[]
    expect(Math.abs((points[0]?.train ?? 0) - Math.log(2))).toBeLessThan(1e-4) // it starts as its own reference
    expect(points.at(-1)?.train).toBeLessThan(points[0]?.train ?? 0)
    await checkScreen()
  })

  test('are taken home in TRL’s format', async () => {
    await person.goTo('Take home')
    await watched.page.getByRole('radio', { name: /Preference pairs/ }).check()
    const { path } = await person.download('Download dataset')
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines)
      expect(line).toMatchObject({
        prompt: [{ role: 'user' }],
        chosen: [{ role: 'assistant' }],
        rejected: [{ role: 'assistant' }],
      })
    await checkScreen()
    expectNoErrors(watched)
  })
})
