// Knows: the filter on a completion's number of words.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { wholeNumber } from '../../domain/settings.ts'
import { countWords } from '../words.ts'
import { defineFilter } from './filter.ts'

/** Drops completions outside a range of words. Defaults: Self-Instruct's minimum for an instruction (4), and what fits in the default max tokens of a completion. */
export const length = defineFilter({
  name: 'length',
  title: 'Length',
  help: 'Drops completions that are too short or too long.',
  settings: {
    min: wholeNumber({
      label: 'Min words',
      help: 'Shorter completions are dropped.',
      from: 0,
      to: 10_000,
      default: 4,
      unit: 'words',
    }),
    max: wholeNumber({
      label: 'Max words',
      help: 'Longer completions are dropped.',
      from: 1,
      to: 10_000,
      default: 400,
      unit: 'words',
    }),
  },
  check({ min, max }) {
    if (min <= max) return []
    return [
      { field: 'min', sentence: `\`min\` (${min}) is more than \`max\` (${max}), so nothing can pass.` },
    ]
  },
  decide({ completion, settings: { min, max } }) {
    const words = countWords(completion)
    if (words < min)
      return dropped(`${words} ${words === 1 ? 'word' : 'words'}, fewer than ${min}`, { words })
    if (words > max) return dropped(`${words} words, more than ${max}`, { words })
    return kept({ words })
  },
})
