// Knows: what axe says of a page, as sentences, in light and in dark.
import axe from 'axe-core'
import type { Page } from 'playwright-core'

const LOOKS = ['light', 'dark'] as const

/** What axe finds on the page as it stands, in both looks: one sentence a rule and element. */
export async function findBarriers(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await settle(page)
    await page.evaluate(axe.source)
    const violations = await page.evaluate(async () => {
      const { axe: here } = globalThis as unknown as { axe: typeof axe } // the line above put it there
      return (await here.run(document, { resultTypes: ['violations'] })).violations.map(
        ({ id, help, nodes }) => ({
          id,
          help,
          targets: nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary ?? ''})`),
        }),
      )
    })
    for (const { id, help, targets } of violations)
      found.push(...targets.map((target) => `${colorScheme}: ${id}, ${help}: ${target}`))
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
  return found
}

/** Waits until the look that was asked for is painted and nothing moves towards it any more. */
const settle = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const nextFrame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve))
    await nextFrame()
    await nextFrame()
    await Promise.allSettled(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getTiming().iterations !== Infinity)
        .map(({ finished }) => finished),
    )
  })

/** Pixels by which the page is wider than its window; 0 where nothing must be scrolled sideways. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() =>
    Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
  )
