// Knows: when a teacher judged its own completions.
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer scores are a trial. */
const MIN_SCORES = 10

export function adviseOnSelfJudging({ teacher, judge, scores }: RunFacts): Advice | undefined {
  if (judge === undefined || judge.fingerprint !== teacher.fingerprint || scores.length < MIN_SCORES)
    return undefined
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  return {
    id: 'self-judging',
    sentence: `${teacher.name} judged ${scores.length} completions of its own (mean score ${mean.toFixed(2)}). A model tends to prefer its own style: read some rows before you trust the scores.`,
    remedy: { label: 'Open Dataset', change: { kind: 'open', screen: 'dataset' } },
  }
}
