// Knows: how the answer of a page of checks (pages/) gets to the test.
import type { Page } from 'playwright-core'
import type { Check } from './pages/check.ts'

/** Waits for the page's checks. Throws where they broke off. */
export async function readChecks(page: Page): Promise<readonly Check[]> {
  const handle = await page.waitForFunction(() => globalThis.checksAnswer, undefined, { timeout: 280_000 })
  const answer = await handle.jsonValue()
  if (answer === undefined || 'broken' in answer)
    throw new Error(`${page.url()}: ${answer?.broken ?? 'no answer'}`)
  return answer.checks
}

/** The claims that did not hold. */
export const sentencesOf = (checks: readonly Check[]): string[] =>
  checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
