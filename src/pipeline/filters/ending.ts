// Knows: the filter on how a completion ended.
import { dropped, kept } from '../../domain/filter-answer.ts'
import { toggle } from '../../domain/settings.ts'
import { defineFilter } from './filter.ts'

/** Drops completions that did not come to their own end: a student would learn to stop in mid-sentence. */
export const ending = defineFilter({
  name: 'ending',
  title: 'Ending',
  help: 'Drops completions that were cut before the teacher ended them.',
  settings: {
    length: toggle({
      label: 'Drop those cut by length',
      help: 'Completions that reached the most tokens allowed.',
      default: true,
    }),
    aborted: toggle({
      label: 'Drop those that were stopped',
      help: 'Completions that were being written when the run was stopped.',
      default: true,
    }),
  },
  decide({ ending: how, settings }) {
    if (how === 'length' && settings.length) return dropped('cut by length before its end', { ending: how })
    if (how === 'aborted' && settings.aborted) return dropped('stopped before its end', { ending: how })
    return kept({ ending: how })
  },
})
