// Knows: the step that drops rows whose texts are equal to those of an earlier row.
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { hashOf } from '../../domain/hash.ts'
import { choice, toggle } from '../../domain/settings.ts'
import { inSlices } from '../programs/program.ts'
import { defineTogether } from '../stages/stage.ts'

const normalise = (text: string): string => text.toLowerCase().replaceAll(/\s+/gu, ' ').trim()

export const exactDuplicates = defineTogether({
  family: 'compare',
  name: 'exact-duplicates',
  title: 'Exact duplicates',
  help: 'Drops rows that are equal to an earlier one. The first of equal rows is kept.',
  settings: {
    of: choice({
      label: 'Equal in',
      help: 'What has to be equal: the completion, or the prompt with its completion.',
      choices: ['completion', 'prompt and completion'],
      default: 'prompt and completion',
    }),
    normalised: toggle({
      label: 'Ignore case and spaces',
      help: 'Texts that differ only in case or white space count as equal.',
      default: true,
    }),
  },
  hold({ prompt, completion }, { of, normalised }) {
    const texts = of === 'completion' ? [completion.text] : [prompt, completion.text]
    return hashOf(normalised ? texts.map(normalise) : texts).slice(0, 32)
  },
  *together(rows) {
    const first = new Map<string, number>()
    const decisions: FilterDecision[] = []
    const similar = new Map<number, { to: number; score: number }>()
    yield* inSlices(rows, (key, at) => {
      const known = first.get(key)
      if (known === undefined) {
        first.set(key, at)
        decisions.push(kept())
      } else {
        similar.set(at, { to: known, score: 1 })
        decisions.push(dropped('equal to an earlier row'))
      }
    })
    return { decisions, similar }
  },
})
