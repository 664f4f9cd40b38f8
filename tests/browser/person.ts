// Knows: what a person does in the page, by the names that a person reads or hears.
import type { Locator, Page } from 'playwright-core'
import { vi } from 'vitest'

export type ScreenName =
  | 'Seeds'
  | 'Teacher'
  | 'Recipe'
  | 'Run'
  | 'Dataset'
  | 'Student'
  | 'Compare'
  | 'Take home'

export class Person {
  readonly page: Page
  constructor(page: Page) {
    this.page = page
  }

  /** The text of the one live region. */
  status(): Promise<string> {
    return this.page.getByRole('status').innerText()
  }

  button(name: string): Locator {
    return this.page.getByRole('main').getByRole('button', { name, exact: true })
  }

  async goTo(name: ScreenName): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    await this.page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  }

  async press(name: string): Promise<void> {
    await this.button(name).click()
  }

  /** Waits until the live region matches, and returns its text; a failure shows the last text. */
  async waitFor(pattern: RegExp, seconds = 60): Promise<string> {
    let text = ''
    try {
      return await vi.waitUntil(
        async () => {
          text = await this.status().catch(() => text)
          return pattern.test(text) ? text : false
        },
        { timeout: seconds * 1000, interval: 50 },
      )
    } catch {
      const shown = await this.page
        .getByRole('main')
        .innerText()
        .catch(() => '')
      throw new Error(
        `The status did not match ${pattern} within ${seconds} s. It is “${text}”, and the page shows:\n${shown.slice(0, 1500)}`,
      )
    }
  }

  /** Chooses the teacher in the list of models and loads it. */
  async loadTeacher(name: string): Promise<string> {
    await this.goTo('Teacher')
    await this.page.getByRole('main').getByRole('listitem').getByRole('button', { name, exact: true }).click()
    await this.press('Load teacher')
    return this.waitFor(/is loaded on/, 180)
  }

  /** Opens the first example with another recipe. */
  async beginWith(recipe: string): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
    await this.goTo('Recipe')
    await this.page.getByLabel('Recipe as YAML').fill(recipe)
    await this.press('Use recipe')
    await this.waitFor(/recipe is in use/)
  }

  /** Runs the recipe with the built-in teacher and freezes the kept rows; throws if the run failed. */
  async runAndFreeze(seconds: number): Promise<void> {
    await this.goTo('Run')
    await this.press('Use the built-in teacher')
    await this.page.getByRole('main').getByText('Corner shop is loaded').first().waitFor({ timeout: 120_000 })
    await this.press('Start run')
    const text = await this.waitFor(/^(Run finished|The run failed)/, seconds)
    if (!text.startsWith('Run finished')) throw new Error(text)
    await this.goTo('Dataset')
    await this.press('Freeze dataset')
    await this.waitFor(/^Frozen: \d+ rows/)
  }

  /** Presses a button and returns the downloaded file. */
  async download(name: string): Promise<{ name: string; path: string }> {
    const coming = this.page.waitForEvent('download', { timeout: 120_000 })
    await this.press(name)
    const file = await coming
    return { name: file.suggestedFilename(), path: await file.path() }
  }
}

/** All records of a store in the page's own database. */
export const readStore = (page: Page, store: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  page.evaluate(
    (name) =>
      new Promise<readonly Readonly<Record<string, unknown>>[]>((resolve, reject) => {
        const opening = indexedDB.open('retort')
        opening.addEventListener('error', () => reject(opening.error))
        opening.addEventListener('success', () => {
          const reading = opening.result.transaction(name).objectStore(name).getAll()
          reading.addEventListener('success', () => {
            opening.result.close()
            resolve(reading.result)
          })
          reading.addEventListener('error', () => reject(reading.error))
        })
      }),
    store,
  )
