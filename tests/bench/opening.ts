// Knows: how long it takes from opening the page to the first words of a stored model, as a person would do it; for the built-in teacher and
// for an imported model.
import type { Browser, Page } from 'playwright-core'
import { TEACHER_FILE } from '../browser/launch.ts'
import { medianOf, type Measured, type PartResult, type Ratio } from './measure.ts'

const ROUNDS = 3
const MODELS = ['SmolLM2-135M Q4_1', 'the built-in teacher'] as const
type Model = (typeof MODELS)[number]
/** Milliseconds since the page was requested: until the screen is shown, the model is loaded, its first words appear. */
interface Times {
  readonly shown: number
  readonly loaded: number
  readonly words: number
}

async function load(page: Page, model: Model): Promise<void> {
  const main = page.getByRole('main')
  if (model === 'the built-in teacher')
    await main.getByRole('button', { name: 'Load it', exact: true }).click()
  else {
    await main.getByRole('listitem').getByRole('button', { name: TEACHER_FILE, exact: true }).click()
    await main.getByRole('button', { name: 'Load teacher', exact: true }).click()
  }
  await page.getByRole('status').filter({ hasText: 'is loaded on' }).waitFor({ timeout: 180_000 })
}

/** A returning person: opens the page, loads the model, sends one prompt. */
async function returnToPage(page: Page, address: string, model: Model): Promise<Times> {
  const from = performance.now()
  await page.goto(address)
  await page.getByRole('heading', { level: 1, name: 'Teacher' }).waitFor()
  const shown = performance.now() - from
  await load(page, model)
  const loaded = performance.now() - from
  await page.getByRole('textbox', { name: 'Try a prompt' }).fill('Say hello.')
  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  await page.waitForFunction(
    () => (document.querySelector('blockquote .prose')?.textContent ?? '').trim() !== '',
  )
  return { shown, loaded, words: performance.now() - from }
}

/** Stores the models, closes the page, and opens it again several times for each of them alternately. */
export async function measureOpening(browser: Browser, url: string): Promise<PartResult> {
  const context = await browser.newContext()
  const first = await context.newPage()
  await first.goto(url)
  await first.getByRole('button', { name: 'New project' }).click()
  await first.getByRole('link', { name: 'Teacher', exact: true }).click()
  await load(first, 'SmolLM2-135M Q4_1')
  await first.getByText('stored in this browser').waitFor()
  const address = first.url()
  await first.close()
  const times = new Map<Model, Times[]>(MODELS.map((model) => [model, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const model of MODELS) {
      const page = await context.newPage()
      times.get(model)?.push(await returnToPage(page, address, model))
      await page.close()
    }
  }
  await context.close()
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  for (const model of MODELS) {
    const median = (which: keyof Times): number => medianOf((times.get(model) ?? []).map((one) => one[which]))
    const how = `median of ${ROUNDS}`
    measured.push(
      { what: `from opening the page to the screen, with ${model}`, value: median('shown'), unit: 'ms', how },
      { what: `from opening the page to ${model} loaded`, value: median('loaded'), unit: 'ms', how },
      {
        what: `from opening the page to the first words of ${model}`,
        value: median('words'),
        unit: 'ms',
        how,
      },
    )
    ratios.push({
      what: `share of loading in the time to the first words of ${model}`,
      ratio: (median('loaded') - median('shown')) / median('words'),
    })
  }
  return { measured, ratios }
}
