// Knows: the filter on text that repeats itself.
// Source: the repetition rules of Gopher's MassiveText (Rae et al. 2021, arXiv 2112.11446, table A1), applied to a completion's words.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { realNumber, wholeNumber } from '../../domain/settings.ts'
import { tokensOf } from '../words.ts'
import { defineFilter } from './filter.ts'

export const repetition = defineFilter({
  name: 'repetition',
  title: 'Repetition',
  help: 'Drops completions that repeat the same phrases.',
  source: { citation: 'Rae et al. 2021 (Gopher)', link: 'https://arxiv.org/abs/2112.11446' },
  settings: {
    n: wholeNumber({
      label: 'Phrase length',
      help: 'Words per counted phrase (n-gram).',
      from: 1,
      to: 20,
      default: 4,
      unit: 'words',
    }),
    max: realNumber({
      label: 'Max repeated share',
      help: 'Max share of phrases that already occurred in the completion.',
      from: 0,
      to: 1,
      default: 0.2,
      step: 0.01,
    }),
  },
  decide({ completion, settings: { n, max } }) {
    const { share, phrase, times } = measureRepetition(completion, n)
    const percent = Math.round(share * 100)
    const evidence = { percent, ...(times > 1 ? { phrase, times } : {}) }
    if (share > max)
      return dropped(
        `${percent} % of its phrases are repeated, more than ${Math.round(max * 100)} %`,
        evidence,
      )
    return kept(evidence)
  },
})

/**
 * Share of a text's phrases of `n` words that are repetitions of an earlier one (1 − distinct / all, from 0 to 1), with the most
 * frequent phrase. A text shorter than a phrase has no repetition.
 */
export function measureRepetition(text: string, n: number): { share: number; phrase: string; times: number } {
  const words = tokensOf(text)
  const all = words.length - n + 1
  if (all < 1) return { share: 0, phrase: '', times: 0 }
  const counts = new Map<string, number>()
  let phrase = ''
  let times = 0
  for (let at = 0; at < all; at++) {
    const here = words.slice(at, at + n).join(' ')
    const count = (counts.get(here) ?? 0) + 1
    counts.set(here, count)
    if (count > times) [phrase, times] = [here, count]
  }
  return { share: 1 - counts.size / all, phrase, times }
}
