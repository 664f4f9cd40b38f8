// Knows: how long it takes from opening the page to the first words of a model that is stored, as a person would do it; the teacher in the
// box, which comes with the page, beside a model of one's own.
import type { Browser, Page } from 'playwright-core'
import { TEACHER_FILE } from '../browser/launch.ts'
import { medianOf, type Measured, type PartAnswer, type Ratio } from './measure.ts'

const ROUNDS = 3
const MODELS = ['SmolLM2-135M Q4_1', 'the teacher in the box'] as const
type Model = (typeof MODELS)[number]
/** Milliseconds since the page was asked for: to the screen, to the loaded model, to its first words. */
interface Times {
  readonly shown: number
  readonly loaded: number
  readonly words: number
}

async function load(page: Page, model: Model): Promise<void> {
  const main = page.getByRole('main')
  if (model === 'the teacher in the box')
    await main.getByRole('button', { name: 'Load it', exact: true }).click()
  else {
    await main.getByRole('listitem').getByRole('button', { name: TEACHER_FILE, exact: true }).click()
    await main.getByRole('button', { name: 'Load teacher', exact: true }).click()
  }
  await page.getByRole('status').filter({ hasText: 'is loaded on' }).waitFor({ timeout: 180_000 })
}

/** A person who comes back: the page, the model, one question. */
async function comeBack(page: Page, address: string, model: Model): Promise<Times> {
  const from = performance.now()
  await page.goto(address)
  await page.getByRole('heading', { level: 1, name: 'Teacher' }).waitFor()
  const shown = performance.now() - from
  await load(page, model)
  const loaded = performance.now() - from
  await page.getByRole('textbox', { name: 'Ask it one thing' }).fill('Say hello.')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await page.waitForFunction(
    () => (document.querySelector('blockquote .prose')?.textContent ?? '').trim() !== '',
  )
  return { shown, loaded, words: performance.now() - from }
}

/** Keeps the models, closes the page, and opens it again several times for each of them in turn. */
export async function measureOpening(browser: Browser, url: string): Promise<PartAnswer> {
  const context = await browser.newContext()
  const first = await context.newPage()
  await first.goto(url)
  await first.getByRole('button', { name: 'New project' }).click()
  await first.getByRole('link', { name: 'Teacher', exact: true }).click()
  await load(first, 'SmolLM2-135M Q4_1')
  await first.getByText('kept here').waitFor()
  const address = first.url()
  await first.close()
  const times = new Map<Model, Times[]>(MODELS.map((model) => [model, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const model of MODELS) {
      const page = await context.newPage()
      times.get(model)?.push(await comeBack(page, address, model))
      await page.close()
    }
  }
  await context.close()
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  for (const model of MODELS) {
    const middle = (which: keyof Times): number => medianOf((times.get(model) ?? []).map((one) => one[which]))
    const how = `the middle of ${ROUNDS}`
    measured.push(
      { what: `page opened, screen shown, before ${model}`, value: middle('shown'), unit: 'ms', how },
      { what: `page opened, ${model} loaded`, value: middle('loaded'), unit: 'ms', how },
      { what: `page opened, first words of ${model}`, value: middle('words'), unit: 'ms', how },
    )
    ratios.push({
      what: `of the time to the first words of ${model}, share that loading takes`,
      ratio: (middle('loaded') - middle('shown')) / middle('words'),
    })
  }
  return { measured, ratios }
}
