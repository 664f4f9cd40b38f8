// Knows: the filter on a completion's finish reason.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { toggle } from '../../domain/settings.ts'
import { defineFilter } from './filter.ts'

/** Drops completions without a natural end: a student would learn to stop mid-sentence. */
export const ending = defineFilter({
  name: 'ending',
  title: 'Ending',
  help: 'Drops completions that were cut before the teacher finished them.',
  settings: {
    length: toggle({
      label: 'Drop if cut by length',
      help: 'Completions that reached max tokens.',
      default: true,
    }),
    aborted: toggle({
      label: 'Drop if stopped',
      help: 'Completions interrupted when the run was stopped.',
      default: true,
    }),
  },
  decide({ finishReason, settings }) {
    const evidence = { 'finish reason': finishReason }
    if (finishReason === 'length' && settings.length) return dropped('cut by length before its end', evidence)
    if (finishReason === 'aborted' && settings.aborted) return dropped('stopped before its end', evidence)
    return kept(evidence)
  },
})
