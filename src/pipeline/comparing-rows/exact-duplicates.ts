// Knows: the step that drops rows whose texts are equal to those of an earlier row.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { choice, toggle } from '../../domain/settings.ts'
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
  // oxlint-disable-next-line require-yield -- a program without calls
  *together(rows, { of, normalised }) {
    const first = new Map<string, string>()
    return {
      decisions: rows.map(({ prompt, completion }) => {
        const texts = of === 'completion' ? [completion.text] : [prompt, completion.text]
        const key = JSON.stringify(normalised ? texts.map(normalise) : texts)
        const known = first.get(key)
        if (known === undefined) {
          first.set(key, completion.text)
          return kept()
        }
        return dropped('equal to an earlier row', {}, { text: known, score: 1 })
      }),
    }
  },
})
