// Knows: how a page is watched for what it must never do: errors, policy violations, requests elsewhere.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, vi } from 'vitest'

export { DIST, hasTeacher, openBrowser, openProfile, PAGES, SHARED, TEACHER_FILE } from './launch.ts'

export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** What went wrong so far, in sentences. */
  readonly faults: string[]
  /** Leaves out faults that a test provokes on purpose. */
  forgive(pattern: RegExp): void
}

/** Notes everything that a page of ours must not do. */
export function watchPage(page: Page, faults: string[], origin: string): void {
  page.on('console', (message) => {
    if (message.type() === 'error')
      faults.push(`console error: ${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`))
  page.on('crash', () => faults.push('the page crashed'))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== origin)
      faults.push(`request to another origin: ${request.url()}`)
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
  const faults: string[] = []
  watchPage(page, faults, new URL(url).origin)
  await page.goto(url)
  return {
    context,
    page,
    faults,
    forgive: (pattern) =>
      void faults.splice(0, faults.length, ...faults.filter((fault) => !pattern.test(fault))),
  }
}

/** Passes when nothing went wrong; names what did. */
export const expectNoFaults = ({ faults }: Pick<Watched, 'faults'>): void => expect(faults).toEqual([])

/** Waits until the page is cross-origin isolated, over the reload that the service worker may bring. */
export async function waitUntilIsolated(page: Page): Promise<void> {
  await vi.waitUntil(() => page.evaluate(() => globalThis.crossOriginIsolated).catch(() => false), {
    timeout: 30_000,
    interval: 50,
  })
}
