// Knows: axe's violations on a page, as sentences, in light and in dark.
import axe from 'axe-core'
import type { Page } from 'playwright-core'

const SCHEMES = ['light', 'dark'] as const

/** axe's violations on the page in both colour schemes: one sentence per rule and element. */
export async function findBarriers(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await waitForPaint(page)
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

/** Waits until the colour scheme is painted and all transitions have ended. */
const waitForPaint = (page: Page): Promise<void> =>
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

/** Pixels by which the page is wider than its window; 0 if there is no sideways scrolling. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() =>
    Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
  )
