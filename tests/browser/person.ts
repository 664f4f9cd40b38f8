// Knows: what a person does in the page, by the names that a person hears or reads.
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

  /** The one live region's words. */
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

  /** Waits until the live region says something, and gives what it says; what it said last is the failure's reason. */
  async waitFor(words: RegExp, seconds = 60): Promise<string> {
    let said = ''
    try {
      return await vi.waitUntil(
        async () => {
          said = await this.status().catch(() => said)
          return words.test(said) ? said : false
        },
        { timeout: seconds * 1000, interval: 50 },
      )
    } catch {
      const shown = await this.page
        .getByRole('main')
        .innerText()
        .catch(() => '')
      throw new Error(
        `The page did not say ${words} within ${seconds} s. It says “${said}”, and shows:\n${shown.slice(0, 1500)}`,
      )
    }
  }

  /** Chooses the teacher in the list of what is there and loads it. */
  async loadTeacher(name: string): Promise<string> {
    await this.goTo('Teacher')
    await this.page.getByRole('main').getByRole('listitem').getByRole('button', { name, exact: true }).click()
    await this.press('Load teacher')
    return this.waitFor(/is loaded on/, 180)
  }

  /** Takes the first example with another recipe. */
  async beginWith(recipe: string): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: 'Use this example' }).first().click()
    await this.goTo('Recipe')
    await this.page.getByLabel('Recipe as YAML').fill(recipe)
    await this.press('Use recipe')
    await this.waitFor(/recipe is in use/)
  }

  /** Runs the recipe with the teacher in the box and freezes what was kept; throws where the run broke off. */
  async runAndFreeze(seconds: number): Promise<void> {
    await this.goTo('Run')
    await this.press('Take the one in the box')
    await this.page.getByRole('main').getByText('Corner shop is loaded').first().waitFor({ timeout: 120_000 })
    await this.press('Start run')
    const said = await this.waitFor(/^Run (finished|broke)/, seconds)
    if (!said.includes('finished')) throw new Error(said)
    await this.goTo('Dataset')
    await this.press('Freeze dataset')
    await this.waitFor(/^Frozen: \d+ rows/)
  }

  /** Presses a button and reads the file that comes down. */
  async download(name: string): Promise<{ name: string; path: string }> {
    const coming = this.page.waitForEvent('download', { timeout: 120_000 })
    await this.press(name)
    const file = await coming
    return { name: file.suggestedFilename(), path: await file.path() }
  }
}

/** All records of a store, as the page's own database has them. */
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
