// Knows: keeping rows whose score reaches a threshold.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { realNumber } from '../../domain/settings.ts'
import { defineKeep, NEEDS_JUDGE } from './selection.ts'

/** Keeps rows at or above a score. Judges differ in their mean score, small ones are below 3: try five rows first. */
export const threshold = defineKeep({
  name: 'threshold',
  title: 'Minimum score',
  help: 'Keeps completions with this score or a higher one.',
  requires: NEEDS_JUDGE,
  comparesRows: false,
  settings: {
    min: realNumber({
      label: 'Minimum score',
      help: 'Expected score from 1 to 5.',
      from: 1,
      to: 5,
      default: 2.5,
      step: 0.1,
    }),
  },
  select: (rows, { min }) =>
    rows.map(({ score }) => {
      if (!score.ok) return score.decision
      const evidence = { score: score.value }
      return score.value >= min
        ? kept(evidence)
        : dropped(`score ${score.value.toFixed(2)}, below ${min}`, evidence)
    }),
})
