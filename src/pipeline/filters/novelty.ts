// Knows: the filter on completions that say again what another completion, or their own prompt, said.
import { dropped, kept } from '../../domain/filter-answer.ts'
import { realNumber } from '../../domain/settings.ts'
import { measureRougeL } from '../rouge.ts'
import { defineFilter } from './filter.ts'

/** Drops repeats and echoes by ROUGE-L (F1). 0.7: Self-Instruct's bound for prompts; the echo's bound is ours. */
export const novelty = defineFilter({
  name: 'novelty',
  title: 'Novelty',
  help: 'Drops completions that are nearly an earlier completion, or nearly their own prompt.',
  comparesRows: true,
  settings: {
    threshold: realNumber({
      label: 'Likeness to earlier completions',
      help: 'Dropped above this ROUGE-L with a completion kept before; 1 never drops.',
      from: 0,
      to: 1,
      default: 0.7,
      step: 0.05,
    }),
    echo: realNumber({
      label: 'Likeness to the prompt',
      help: 'Dropped above this ROUGE-L with its own prompt; 1 never drops.',
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
        `repeats its prompt: likeness ${echo.toFixed(2)}, above ${settings.echo}`,
        { echo },
        { text: prompt, score: round(echo) },
      )
    const nearest = earlier?.nearest(completion, 1, settings.threshold)[0]
    if (nearest && nearest.score > settings.threshold) {
      return dropped(
        `too like an earlier completion: likeness ${nearest.score.toFixed(2)}, above ${settings.threshold}`,
        { likeness: nearest.score, echo },
        nearest,
      )
    }
    return kept({
      echo: round(echo),
      ...(nearest ? { likeness: round(nearest.score), nearest: nearest.text.slice(0, 200) } : {}),
    })
  },
})

const round = (score: number): number => Math.round(score * 1000) / 1000
