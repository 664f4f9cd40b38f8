// Knows: two models in the page of which one fits into memory: put aside on request, announced, swapped in a run, closed in the middle of it.
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import {
  DIST,
  expectNoErrors,
  hasTeacher,
  openBrowser,
  openPage,
  SHARED,
  TEACHER_FILE,
  waitUntilIsolated,
  type Watched,
} from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

if (!hasTeacher)
  console.warn(
    `The test of models that take turns is skipped: there is no ${TEACHER_FILE} in ../shared/models.`,
  )

const SEEDS = [
  'Hello, do you have rye bread today?',
  'When do you open on Monday?',
  'Do you deliver to Mill Lane?',
]
const RECIPE = `retort: 2
name: In turns
rngSeed: 7
steps:
  - complete: teacher
    n: 1
    maxTokens: 40
    repetitionPenalty: 1
  - judge: rubric
  - keep: threshold
    min: 1
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

describe.skipIf(!hasTeacher)(
  'a judge that does not fit next to the teacher (skipped without ../shared/models)',
  { timeout: 200_000 },
  () => {
    beforeAll(async () => {
      browser = await openBrowser()
      site = await serveFolder(DIST, { under: '/some/where/', models: [join(SHARED, 'models')] })
      watched = await openPage(browser, site.url)
      // A machine with half a gibibyte.
      await watched.page.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, 'deviceMemory', { get: () => 0.5 }),
      )
      await watched.page.reload()
      await waitUntilIsolated(watched.page)
      person = new Person(watched.page)
    })
    afterAll(async () => {
      await browser.close()
      await site.close()
    })

    const main = (): Promise<string> => watched.page.getByRole('main').innerText()
    const modelWorkers = (): number =>
      watched.page.workers().filter((worker) => worker.url().includes('teacher')).length
    const modelFor = (name: 'Teacher' | 'Judge') =>
      watched.page.getByRole('group', { name: 'Model for' }).getByRole('radio', { name, exact: true })
    const checkScreen = async (): Promise<void> => {
      expect(await findBarriers(watched.page)).toEqual([])
      await watched.page.setViewportSize({ width: 390, height: 800 })
      await expect.poll(() => overflowOf(watched.page)).toBe(0)
      await watched.page.setViewportSize({ width: 1280, height: 900 })
    }

    test('is loaded in its place only on request, and the teacher’s memory is given back', async () => {
      await person.press('New project')
      await watched.page.getByLabel('Seeds as text').fill(SEEDS.join('\n'))
      await person.press('Add seeds')
      await person.waitFor(/3 seeds/)
      await person.goTo('Recipe')
      await watched.page.getByLabel('Recipe as YAML').fill(RECIPE)
      await person.press('Use recipe')
      await person.waitFor(/recipe is in use/)
      await person.goTo('Teacher')
      await person.press('Load it')
      await person.waitFor(/is loaded on/)
      await modelFor('Judge').check()
      await watched.page
        .getByRole('main')
        .getByRole('listitem')
        .getByRole('button', { name: TEACHER_FILE, exact: true })
        .click()
      await watched.page.getByLabel('Context length').fill('1024')
      expect(await main()).toMatch(/It does not fit next to Corner shop: together they need about/)
      await checkScreen()
      await person.press('Load in turns')
      await person.waitFor(/is loaded on.*It judges/, 120)
      expect(modelWorkers()).toBe(1)
      await modelFor('Teacher').check()
      await person.waitFor(/Corner shop is not in memory now/)
      expect(await main()).toMatch(/takes turns with SmolLM2/i)
      await checkScreen()
    })

    test('is announced, loaded after the completions, and loaded again after the tab was closed in the middle of that', async () => {
      await person.goTo('Run')
      expect(await main()).toMatch(
        /The judge does not fit next to the teacher: it is loaded after all completions are written/,
      )
      await person.press('Start run')
      await person.waitFor(/Loading SmolLM2.*, the judge, in place of Corner shop/i, 120)
      const before = await readStore(watched.page, 'rows')
      await watched.page.reload()
      await person.waitFor(/interrupted/)
      await person.press('Resume')
      await person.waitFor(/Run finished/, 150)
      const [run] = await readStore(watched.page, 'runs')
      expect(run).toMatchObject({
        teacher: { name: 'Corner shop' },
        judgeLoadedWith: { contextLength: 1024 },
      })
      const rows = await readStore(watched.page, 'rows')
      expect(rows).toHaveLength(SEEDS.length)
      for (const row of before)
        expect(rows.find(({ id }) => id === row['id'])?.['completion']).toEqual(row['completion'])
      expect(modelWorkers()).toBe(1)
      expectNoErrors(watched)
    })
  },
)
