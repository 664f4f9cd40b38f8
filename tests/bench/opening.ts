// Knows: how long it takes from opening the page to the first words of a model that is stored, as a person would do it.
import type { Browser, Page } from 'playwright-core'
import { TEACHER_FILE } from '../browser/launch.ts'
import type { PartAnswer } from './measure.ts'

const load = async (page: Page): Promise<void> => {
  await page.getByRole('main').getByRole('listitem').getByRole('button', { name: TEACHER_FILE, exact: true }).click()
  await page.getByRole('button', { name: 'Load teacher' }).click()
  await page.getByRole('status').filter({ hasText: 'is loaded on' }).waitFor({ timeout: 120_000 })
}

/** Keeps the model, closes the page, opens it again three times: milliseconds to the heading, to the loaded model, to the first words. */
export async function measureOpening(browser: Browser, url: string): Promise<PartAnswer> {
  const context = await browser.newContext()
  const first = await context.newPage()
  await first.goto(url)
  await first.getByRole('button', { name: 'New project' }).click()
  await first.getByRole('link', { name: 'Teacher', exact: true }).click()
  await load(first)
  await first.getByText('kept here').waitFor()
  const address = first.url()
  await first.close()
  const times: { shown: number; loaded: number; words: number }[] = []
  for (let round = 0; round < 3; round += 1) {
    const page = await context.newPage()
    const from = performance.now()
    await page.goto(address)
    await page.getByRole('heading', { level: 1, name: 'Teacher' }).waitFor()
    const shown = performance.now() - from
    await load(page)
    const loaded = performance.now() - from
    await page.getByRole('textbox', { name: 'Ask it one thing' }).fill('Say hello.')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.waitForFunction(() => (document.querySelector('blockquote .prose')?.textContent ?? '').trim() !== '')
    times.push({ shown, loaded, words: performance.now() - from })
    await page.close()
  }
  await context.close()
  const middle = times.toSorted((a, b) => a.words - b.words)[1] ?? { shown: Number.NaN, loaded: Number.NaN, words: Number.NaN }
  const how = 'a stored SmolLM2-135M Q4_1, the middle of three'
  return {
    measured: [
      { what: 'page opened, screen shown', value: middle.shown, unit: 'ms', how },
      { what: 'page opened, stored model loaded', value: middle.loaded, unit: 'ms', how },
      { what: 'page opened, first words of the stored model', value: middle.words, unit: 'ms', how },
    ],
    ratios: [{ what: 'of the time to the first words, share that loading takes', ratio: (middle.loaded - middle.shown) / middle.words }],
  }
}
