// Knows: the advice on critiques that found nothing to change, so that little or nothing was revised.
import { revise } from '../completing/revise.ts'
import type { Advice } from './advice.ts'
import type { RunFacts } from './run-facts.ts'

/** Fewer rows show nothing. */
const MIN_ROWS = 3
/** Up to this share of revised rows the step hardly does anything. */
const MAX_SHARE = 0.1

export function adviseOnRevisions({ revisions = [] }: Pick<RunFacts, 'revisions'>): Advice | undefined {
  const idle = revisions.find(({ rows, revised }) => rows >= MIN_ROWS && revised <= MAX_SHARE * rows)
  if (idle === undefined) return undefined
  const { rows, revised, foundNothing } = idle
  const left = rows - revised
  const why =
    foundNothing === left
      ? `The critique found nothing to change in ${revised === 0 ? 'any of them' : 'the others'}.`
      : `The critique found nothing to change in ${foundNothing}; the model gave no usable critique or revision for ${left - foundNothing}.`
  return {
    id: 'nothing-revised',
    sentence: `“${revise.title}” revised ${revised === 0 ? 'none' : `only ${revised}`} of ${rows} completions. ${why} Small models, the built-in one among them, rarely see what is wrong: give its role a model of a billion parameters or more, or say in “What a good response is” what you miss.`,
    remedy: { label: 'Open the recipe', change: { kind: 'open', screen: 'recipe' } },
  }
}
