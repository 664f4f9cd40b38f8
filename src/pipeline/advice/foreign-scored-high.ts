// Knows: when a judge scores completions of other prompts as high as the right ones, as the run's probe found.
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer probed pairs show nothing. */
const MIN_PAIRS = 4
/** A judge that guesses is wrong in half of the pairs. */
const MAX_WRONG = 0.3

export function adviseOnForeign({ probe, judge }: RunFacts): Advice | undefined {
  if (probe === undefined || judge === undefined || probe.pairs < MIN_PAIRS) return undefined
  if (probe.foreignAsHigh < MAX_WRONG * probe.pairs) return undefined
  return {
    id: 'foreign-scored-high',
    sentence: `In ${probe.foreignAsHigh} of ${probe.pairs} tests, ${judge.name} gave a completion of another prompt as high a score as the prompt’s own (mean scores ${probe.meanForeign.toFixed(2)} and ${probe.meanOwn.toFixed(2)}): its scores hardly depend on the prompt. Use a larger judge, or do not select by score.`,
    remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
  }
}
