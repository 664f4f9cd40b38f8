// Knows: when a comparison used too few prompts for its difference to show, and how many would be enough.
// Must not know: who judges.
import type { Wins } from '../statistics/wins.ts'
import { promptsToShow } from '../statistics/sample-size.ts'
import type { Advice } from './advice.ts'

/** The smallest win rate that is worth finding if none is visible. */
const WORTHWHILE = 0.6
/** More than this is never suggested: the page compares up to 200 prompts at a time. */
const MAX_PROMPTS = 200
/** Prompts above which nothing is advised: a difference that does not show then is small. */
const ENOUGH = 100

/**
 * The interval of the win rate against the student before training includes one half. `available`: distinct held-out prompts of the
 * dataset, if known.
 */
export function adviseOnTooFewPrompts(
  { rate, wins, losses, ties }: Wins,
  available?: number,
): Advice | undefined {
  const { n, mean, low, high } = rate
  if (n === 0 || n >= ENOUGH || low > 0.5 || high < 0.5) return undefined
  const variance = (wins * (1 - mean) ** 2 + losses * mean ** 2 + ties * (0.5 - mean) ** 2) / n
  const needed = promptsToShow(mean, variance)
  const seen = Number.isFinite(needed) && variance > 0 && needed <= 20 * ENOUGH
  const enough = Math.max(n + 1, seen ? needed : promptsToShow(WORTHWHILE))
  const percent = (share: number): string => `${Math.round(100 * share)} %`
  const possible = Math.min(enough, MAX_PROMPTS, available ?? MAX_PROMPTS)
  const shortage =
    available !== undefined && available < enough
      ? ` This dataset has ${available} held-out ${available === 1 ? 'prompt' : 'prompts'}: more rows or a larger held-out share would give more.`
      : ''
  return {
    id: 'too-few-prompts',
    sentence: `${n} ${n === 1 ? 'prompt is' : 'prompts are'} too few to show a difference: the win rate of ${percent(mean)} may be anything from ${percent(low)} to ${percent(high)}. ${
      seen
        ? `If it is right, about ${enough} prompts show it`
        : `About ${enough} prompts show a win rate of ${percent(WORTHWHILE)}`
    } in four of five comparisons.${shortage}`,
    ...(possible > n
      ? {
          remedy: {
            label: `Compare on ${possible} prompts`,
            change: { kind: 'compare-prompts', prompts: possible },
          } as const,
        }
      : {}),
  }
}
