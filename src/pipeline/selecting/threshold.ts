// Knows: keeping rows whose score reaches a bound.
import { dropped, kept } from '../../domain/filter-answer.ts'
import { realNumber } from '../../domain/settings.ts'
import { defineKeep } from './selection.ts'
import { scoreOf } from './score-of.ts'

/** Keeps rows at or above a score. Judges differ in where they put the middle, small ones below 3: look at the scores of five rows first. */
export const threshold = defineKeep({
  name: 'threshold',
  title: 'Keep from a score',
  help: 'Keeps completions whose score is at least this.',
  comparesRows: false,
  settings: {
    min: realNumber({
      label: 'Smallest score',
      help: 'Expected score from 1 to 5.',
      from: 1,
      to: 5,
      default: 2.5,
      step: 0.1,
    }),
  },
  select: (rows, { min }) =>
    rows.map((row) => {
      const score = scoreOf(row)
      if (!score.ok) return score.answer
      const evidence = { score: score.value }
      return score.value >= min
        ? kept(evidence)
        : dropped(`score ${score.value.toFixed(2)}, below ${min}`, evidence)
    }),
})
