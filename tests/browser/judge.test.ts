// Knows: a judge of its own in the page: chosen next to the teacher, both loaded at once, resumed after a reload, used by a comparison.
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
    `The test of a second model as judge is skipped: there is no ${TEACHER_FILE} in ../shared/models.`,
  )

const SEEDS = [
  'Hello, do you have rye bread today?',
  'When do you open on Monday?',
  'How much are 3 rolls at $0.55 each?',
  'Can I return a jar of honey?',
  'Do you deliver to Mill Lane?',
  'How much change do I get from $5 for 2 apples at $0.40 each?',
]

const RECIPE = `retort: 2
name: Another judge
rngSeed: 7
steps:
  - complete: teacher
    n: 1
    maxTokens: 40
    repetitionPenalty: 1
  - judge: rubric
  - keep: threshold
    min: 1
  - freeze: split
    heldOut: 0.3
  - train: teacher-text
    preset: nano
    vocabulary: 300
    context: 96
    steps: 10
    batchSize: 2
    evaluateEvery: 5
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

describe.skipIf(!hasTeacher)(
  'SmolLM2 as the judge of the built-in teacher (skipped without ../shared/models)',
  { timeout: 200_000 },
  () => {
    beforeAll(async () => {
      browser = await openBrowser()
      site = await serveFolder(DIST, { under: '/some/where/', models: [join(SHARED, 'models')] })
      watched = await openPage(browser, site.url)
      await waitUntilIsolated(watched.page)
      person = new Person(watched.page)
    })
    afterAll(async () => {
      await browser.close()
      await site.close()
    })

    const main = (): Promise<string> => watched.page.getByRole('main').innerText()
    /** Name of the judge in a stored record. */
    const nameOf = (record: Readonly<Record<string, unknown>> | undefined): string =>
      (record?.['judge'] as { name: string } | undefined)?.name ?? 'none'
    const modelFor = (name: 'Teacher' | 'Judge') =>
      watched.page.getByRole('group', { name: 'Model for' }).getByRole('radio', { name, exact: true })
    const checkScreen = async (): Promise<void> => {
      expect(await findBarriers(watched.page)).toEqual([])
      await watched.page.setViewportSize({ width: 390, height: 800 })
      await expect.poll(() => overflowOf(watched.page)).toBe(0)
      await watched.page.setViewportSize({ width: 1280, height: 900 })
    }

    test('is loaded next to the teacher, by keyboard, and both stay; the teacher’s own model is not loaded twice', async () => {
      await person.press('New project')
      await watched.page.getByLabel('Seeds as text').fill(SEEDS.join('\n'))
      await person.press('Add seeds')
      await person.waitFor(/6 seeds/)
      await person.goTo('Recipe')
      await watched.page.getByLabel('Recipe as YAML').fill(RECIPE)
      await person.press('Use recipe')
      await person.waitFor(/recipe is in use/)
      await person.goTo('Teacher')
      await person.press('Load it')
      await person.waitFor(/is loaded on/)
      await modelFor('Teacher').focus()
      await watched.page.keyboard.press('ArrowDown')
      expect(await person.waitFor(/judge/)).toBe(
        'The judge has no model of its own: Corner shop, the teacher, judges.',
      )
      await person.press('Load it')
      await person.waitFor(/loaded as the teacher already/)
      await person.press('Keep the teacher as judge')
      await person.waitFor(/no model of its own/)
      await watched.page
        .getByRole('main')
        .getByRole('listitem')
        .getByRole('button', { name: TEACHER_FILE, exact: true })
        .click()
      await watched.page.getByLabel('Context length').fill('1024') // less to reserve and to measure
      await person.press('Load judge')
      expect(await person.waitFor(/is loaded on.*It judges/, 90)).toMatch(/SmolLM2|smollm/i)
      expect(await main()).toMatch(/Both models together need about/)
      await checkScreen()
      await modelFor('Teacher').check()
      expect(await person.waitFor(/is loaded on/)).toMatch(/^Corner shop is loaded/)
    })

    test('judges what the teacher generates, and both are loaded again by Resume after a reload', async () => {
      await person.goTo('Run')
      expect(await main()).toMatch(/is loaded and judges/)
      await person.press('Start run')
      await expect
        .poll(
          async () =>
            (await readStore(watched.page, 'rows')).filter((row) => row['verdicts'] !== undefined).length,
          { timeout: 60_000, interval: 50 },
        )
        .toBeGreaterThan(0)
      await watched.page.reload()
      await watched.page.getByRole('heading', { level: 1 }).waitFor()
      await person.waitFor(/interrupted|finished/)
      const before = await readStore(watched.page, 'rows')
      const isInterrupted = (await readStore(watched.page, 'runs'))[0]?.['status'] === 'running'
      if (isInterrupted) {
        await person.press('Resume')
        await person.waitFor(/Run finished/, 90)
      }
      const [run] = await readStore(watched.page, 'runs')
      const judge = nameOf(run)
      expect(judge).toMatch(/smollm2/i)
      expect(run).toMatchObject({ teacher: { name: 'Corner shop' }, judgeLoadedWith: { backend: 'wasm' } })
      const rows = await readStore(watched.page, 'rows')
      expect(rows).toHaveLength(SEEDS.length)
      for (const row of rows)
        expect(row).toMatchObject({
          completion: { teacher: { name: 'Corner shop' } },
          verdicts: [{ verdict: { judge: { name: judge } } }],
        })
      for (const row of before) {
        const after = rows.find(({ id }) => id === row['id'])
        expect(after?.['completion']).toEqual(row['completion'])
        if (row['verdicts'] !== undefined) expect(after?.['verdicts']).toEqual(row['verdicts'])
      }
      expect(await main()).toContain(`Corner shop, judged by ${judge}`)
      expect(isInterrupted).toBe(true)
    })

    test('judges a comparison, and its name is in the record and on the screen', async () => {
      await person.goTo('Dataset')
      await person.press('Freeze dataset')
      await person.waitFor(/^Frozen: \d+ rows/)
      await person.goTo('Student')
      await person.press('Train student')
      await person.waitFor(/The student is trained/, 60)
      await person.goTo('Compare')
      await watched.page.getByLabel(/held-out prompts/).fill('1')
      await person.press('Compare')
      await person.waitFor(/^Compared on 1 held-out prompt/, 90)
      const [comparison] = await readStore(watched.page, 'comparisons')
      const name = nameOf(comparison)
      expect(name).toMatch(/smollm2/i)
      expect(comparison).toMatchObject({ teacher: { name: 'Corner shop' } })
      expect(await main()).toContain(`Judged by ${name}; the teacher was Corner shop.`)
      await checkScreen()
    })

    test('gives its memory back when the teacher judges again', async () => {
      const judges = (): number =>
        watched.page.workers().filter((worker) => worker.url().includes('teacher')).length
      const before = judges()
      await person.goTo('Teacher')
      await person.press('Let the teacher judge')
      await expect.poll(judges, { timeout: 20_000 }).toBe(before - 1)
      await modelFor('Judge').check()
      await person.waitFor(/no model of its own/)
      expectNoErrors(watched)
    })
  },
)
