// Knows: the filter on completions that repeat an earlier completion or their own prompt.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { realNumber } from '../../domain/settings.ts'
import { measureRougeL } from '../rouge.ts'
import { defineFilter } from './filter.ts'

/** Drops repeats and echoes by ROUGE-L (F1). 0.7 is Self-Instruct's threshold for prompts; the echo threshold is ours. */
export const novelty = defineFilter({
  name: 'novelty',
  title: 'Novelty',
  help: 'Drops completions that are too similar to an earlier completion or to their own prompt.',
  comparesRows: true,
  settings: {
    threshold: realNumber({
      label: 'Max ROUGE-L with earlier completions',
      help: 'Drops a completion with a higher ROUGE-L; 1 drops nothing.',
      from: 0,
      to: 1,
      default: 0.7,
      step: 0.05,
    }),
    echo: realNumber({
      label: 'Max ROUGE-L with the prompt',
      help: 'Drops a completion with a higher ROUGE-L; 1 drops nothing.',
      from: 0,
      to: 1,
      default: 0.8,
      step: 0.05,
    }),
  },
  decide({ prompt, completion, settings, earlier }) {
    const echo = measureRougeL(completion, prompt)
    if (echo > settings.echo)
      return dropped(
        `repeats its prompt: ROUGE-L ${echo.toFixed(2)}, above ${settings.echo}`,
        { echo },
        { text: prompt, score: round(echo) },
      )
    const nearest = earlier?.nearest(completion, 1, settings.threshold)[0]
    if (nearest && nearest.score > settings.threshold) {
      return dropped(
        `too similar to an earlier completion: ROUGE-L ${nearest.score.toFixed(2)}, above ${settings.threshold}`,
        { 'ROUGE-L': nearest.score, echo },
        nearest,
      )
    }
    return kept({
      echo: round(echo),
      ...(nearest ? { 'ROUGE-L': round(nearest.score), nearest: nearest.text.slice(0, 200) } : {}),
    })
  },
})

const round = (score: number): number => Math.round(score * 1000) / 1000
