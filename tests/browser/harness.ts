// Knows: how a page is watched for what it must never do: errors, policy violations, requests elsewhere.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, vi } from 'vitest'

export { DIST, hasTeacher, openBrowser, openProfile, PAGES, SHARED, TEACHER_FILE } from './launch.ts'

export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors so far, in sentences. */
  readonly errors: string[]
  /** Removes errors that a test causes on purpose. */
  ignore(pattern: RegExp): void
}

/** Records everything that the page must not do. */
export function watchPage(page: Page, errors: string[], origin: string): void {
  page.on('console', (message) => {
    if (message.type() === 'error')
      errors.push(`console error: ${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => errors.push(`uncaught: ${error.message}`))
  page.on('crash', () => errors.push('the page crashed'))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== origin)
      errors.push(`request to another origin: ${request.url()}`)
  })
}

/** A page in a context of its own, watched from before its first request. */
export async function openPage(
  browser: Browser,
  url: string,
  options: { dark?: boolean; width?: number; height?: number } = {},
): Promise<Watched> {
  const { dark = false, width = 1280, height = 900 } = options
  const context = await browser.newContext({
    colorScheme: dark ? 'dark' : 'light',
    viewport: { width, height },
    acceptDownloads: true,
  })
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  const errors: string[] = []
  watchPage(page, errors, new URL(url).origin)
  await page.goto(url)
  return {
    context,
    page,
    errors,
    ignore: (pattern) =>
      void errors.splice(0, errors.length, ...errors.filter((error) => !pattern.test(error))),
  }
}

/** Passes if nothing went wrong; else shows the errors. */
export const expectNoErrors = ({ errors }: Pick<Watched, 'errors'>): void => expect(errors).toEqual([])

/** Waits until the page is cross-origin isolated, over the reload that the service worker may bring. */
export async function waitUntilIsolated(page: Page): Promise<void> {
  await vi.waitUntil(() => page.evaluate(() => globalThis.crossOriginIsolated).catch(() => false), {
    timeout: 30_000,
    interval: 50,
  })
}
