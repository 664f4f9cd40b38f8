// Knows: when a judge's scores hardly vary, so that selection by score is chance.
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer scores show nothing. */
const MIN_SCORES = 10
/** Standard deviation, on the scale of 1 to 5, below which scores hardly differ. */
const MAX_DEVIATION = 0.2

export function adviseOnFlatScores({ scores, judge }: RunFacts): Advice | undefined {
  if (scores.length < MIN_SCORES || judge === undefined) return undefined
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length)
  if (!(deviation < MAX_DEVIATION)) return undefined
  // Not as arguments: a run may have more scores than a call takes.
  const low = scores.reduce((least, score) => Math.min(least, score), Infinity)
  const high = scores.reduce((most, score) => Math.max(most, score), -Infinity)
  return {
    id: 'flat-scores',
    sentence: `All ${scores.length} scores are between ${low.toFixed(2)} and ${high.toFixed(2)} (standard deviation ${deviation.toFixed(2)}): ${judge.name} hardly distinguishes these completions, so a selection by score is chance. Use a larger judge.`,
    remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
  }
}
