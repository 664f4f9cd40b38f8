// Knows: how the result of a page of checks (pages/) gets to the test.
import type { Page } from 'playwright-core'
import type { Check } from './pages/check.ts'

/** Waits for the page's checks. Throws if they failed to run. */
export async function readChecks(page: Page): Promise<readonly Check[]> {
  const handle = await page.waitForFunction(() => globalThis.checksResponse, undefined, { timeout: 280_000 })
  const response = await handle.jsonValue()
  if (response === undefined || 'error' in response)
    throw new Error(`${page.url()}: ${response?.error ?? 'no response'}`)
  return response.checks
}

/** The claims that did not hold. */
export const failuresOf = (checks: readonly Check[]): string[] =>
  checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
