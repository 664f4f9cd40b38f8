// Knows: that a page which cannot start says so, whatever prevents it: a blank page is never left.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIST, openBrowser } from './harness.ts'
import { serveFolder, type Site } from './serve.ts'

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

/** The text of a page that was opened after `prepare`, once it matches; else its last text. */
async function open(pattern: RegExp, prepare: (page: Page) => Promise<unknown>): Promise<string> {
  const context = await browser.newContext({ serviceWorkers: 'block' })
  const page = await context.newPage()
  await prepare(page)
  await page.goto(site.url)
  const read = (): Promise<string> => page.locator('body').innerText()
  await expect.poll(read, { timeout: 15_000 }).toMatch(pattern)
  const text = await read()
  await context.close()
  return text
}

describe('a page that cannot start', () => {
  test('shows why, if the browser has no number formats', async () => {
    const text = await open(/cannot start/, (page) =>
      page.addInitScript(() => {
        Intl.NumberFormat = function () {
          throw new RangeError('Incorrect locale information provided')
        } as unknown as typeof Intl.NumberFormat
      }),
    )
    expect(text).toMatch(
      /Retort cannot start in this browser: Incorrect locale information provided.* What is stored stays as it is\. Reload the page/,
    )
  })

  test('shows why, if an error comes while the first screen is drawn', async () => {
    const text = await open(/cannot start/, (page) =>
      page.addInitScript(() => {
        Object.defineProperty(Document.prototype, 'createTreeWalker', { value: undefined })
        Node.prototype.cloneNode = () => {
          throw new TypeError('broken on purpose')
        }
        document.importNode = () => {
          throw new TypeError('broken on purpose')
        }
      }),
    )
    expect(text).toMatch(/Retort cannot start in this browser: broken on purpose/)
  })

  test('keeps the line of the document, if its script is blocked', async () => {
    const text = await open(/has not started yet/, (page) =>
      page.route(/assets\/.*\.js$/, (route) => route.abort()),
    )
    expect(text).toMatch(/reload the page; if that changes nothing, scripts are blocked/)
  })

  test('shows why, if a part of its script is blocked', async () => {
    const text = await open(/cannot start/, (page) =>
      page.route(/assets\/main-.*\.js$/, (route) => route.abort()),
    )
    expect(text).toMatch(/Retort cannot start in this browser: .+ Reload the page/)
  })

  test('shows the refusal of a browser that gives it no database', async () => {
    const text = await open(/storage did not open/, (page) =>
      page.addInitScript(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('refused', 'SecurityError')
        }
      }),
    )
    expect(text).toMatch(/The browser’s storage did not open \(refused\)/)
    expect(text).not.toMatch(/has not started yet/)
  })

  test('leaves no such line where it starts', async () => {
    const text = await open(/New project/, async () => undefined)
    expect(text).not.toMatch(/not started|cannot start/)
  })
})
