// Knows: Firefox, where it may be found, and how a test drives it over WebDriver BiDi, by the names that a person reads.
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { launch, type Browser, type Page } from 'puppeteer-core'

const NAMES = ['firefox-esr', 'firefox', 'firefox.exe']

/** The path of a Firefox: `RETORT_FIREFOX`, else the PATH; undefined without one. */
export function findFirefox(): string | undefined {
  const named = process.env['RETORT_FIREFOX']
  if (named !== undefined && named !== '') return existsSync(named) ? named : undefined
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path) && statSync(path).isFile())
}

export async function openFirefox(executablePath: string): Promise<Browser> {
  return launch({ browser: 'firefox', executablePath, headless: true, protocol: 'webDriverBiDi' })
}

/** What a person does in the page. Every method fails with what the page showed. */
export class FirefoxPerson {
  readonly page: Page
  /** Uncaught errors and error messages in the console. */
  readonly errors: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
  }

  /** Waits until the function returns something true in the page, over reloads. */
  async until<A extends unknown[]>(
    what: string,
    seconds: number,
    find: (...args: A) => unknown,
    ...args: A
  ): Promise<void> {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const found = await this.page
        .evaluate(find as (...args: unknown[]) => unknown, ...args)
        .catch(() => undefined)
      if (found === true) return
      if (Date.now() > end) {
        const shown = await this.page.evaluate(() => document.body.innerText.slice(0, 1500)).catch(String)
        throw new Error(`${what}: not within ${seconds} s. The page shows:\n${shown}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** Waits for a button that can be pressed, and presses it. */
  press(name: string, seconds = 60): Promise<void> {
    return this.until(
      `a button “${name}”`,
      seconds,
      (label: string) => {
        const button = [...document.querySelectorAll<HTMLButtonElement>('main button')].find(
          ({ textContent, disabled }) => textContent.trim() === label && !disabled,
        )
        button?.click()
        return button !== undefined
      },
      name,
    )
  }

  async goTo(screen: string): Promise<void> {
    await this.until(
      `a link “${screen}”`,
      30,
      (name: string) => {
        const link = [...document.querySelectorAll<HTMLAnchorElement>('nav a')].find(
          ({ children }) => children[1]?.textContent === name,
        )
        link?.click()
        return link !== undefined
      },
      screen,
    )
    await this.isOn(screen)
  }

  isOn(screen: string): Promise<void> {
    return this.until(
      `the screen ${screen}`,
      60,
      (name: string) => document.querySelector('h1')?.textContent.trim() === name,
      screen,
    )
  }

  /** Waits until the live region matches. */
  waitFor(pattern: RegExp, seconds: number): Promise<void> {
    return this.until(
      `the status ${pattern}`,
      seconds,
      (source: string) =>
        new RegExp(source, 'u').test(document.querySelector('main [role=status]')?.textContent ?? ''),
      pattern.source,
    )
  }

  status(): Promise<string> {
    return this.page.evaluate(() => document.querySelector('main [role=status]')?.textContent ?? '')
  }
}
