// Knows: all advice on a run, the most useful first.
import type { Advice } from './advice.ts'
import { adviseOnCut } from './cut-at-max-tokens.ts'
import { adviseOnEqual } from './found-equal.ts'
import { adviseOnFlatScores } from './flat-scores.ts'
import { adviseOnForeign } from './foreign-scored-high.ts'
import { adviseOnLength } from './length-limits.ts'
import { adviseOnRevisions } from './nothing-revised.ts'
import { adviseOnPhrases } from './repeated-phrases.ts'
import { adviseOnGrowth } from './repeating-growth.ts'
import type { RunFacts } from './run-facts.ts'
import { adviseOnThreshold } from './score-below-threshold.ts'
import { adviseOnSelfJudging } from './self-judging.ts'
import { adviseOnSimilar } from './similar-completions.ts'
import { adviseOnUnreadable } from './unreadable-responses.ts'
import { adviseOnWrong } from './wrong-answers.ts'

const MEMBERS: readonly ((facts: RunFacts) => Advice | undefined)[] = [
  adviseOnCut,
  adviseOnGrowth,
  adviseOnEqual,
  adviseOnForeign,
  adviseOnFlatScores,
  adviseOnThreshold,
  adviseOnLength,
  adviseOnSimilar,
  adviseOnPhrases,
  adviseOnWrong,
  adviseOnRevisions,
  adviseOnUnreadable,
  adviseOnSelfJudging,
]

/** Advice shown at once: more would not be read. */
const MAX_ADVICE = 4

export const adviseOnRun = (facts: RunFacts): readonly Advice[] =>
  MEMBERS.flatMap((advise) => advise(facts) ?? []).slice(0, MAX_ADVICE)
