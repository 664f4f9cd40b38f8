// Knows: the advice on a step whose model's responses could often not be read.
import { isUnreadable } from '../funnel.ts'
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer may be chance. */
const MIN_UNREADABLE = 3
/** Share of what reached the step. */
const MIN_SHARE = 0.2

export function adviseOnUnreadable({ funnel }: Pick<RunFacts, 'funnel'>): Advice | undefined {
  const [most] = funnel
    .map(({ title, of, reached, reasons }) => {
      const unreadable = reasons.filter(({ reason }) => isUnreadable(reason))
      const count = unreadable.reduce((sum, one) => sum + one.count, 0)
      return { title, of, reached, count, usual: unreadable[0]?.reason ?? '' }
    })
    .filter(({ count, reached }) => count >= MIN_UNREADABLE && count >= MIN_SHARE * reached)
    .toSorted((a, b) => b.count - a.count)
  if (most === undefined) return undefined
  const { title, of, reached, count, usual } = most
  return {
    id: 'unreadable-responses',
    sentence: `“${title}” could not read the model for ${count} of ${reached} ${of}s (most often: ${usual}). They pass without its value. Open some of them in the funnel; then say more plainly in the recipe how to respond, raise its max tokens, or choose a larger model.`,
    remedy: { label: 'Open the recipe', change: { kind: 'open', screen: 'recipe' } },
  }
}
