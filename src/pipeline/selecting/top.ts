// Knows: keeping the top k rows, of the whole run or of each prompt.
// Source: rejection sampling; top-1 per prompt and top-K overall have different biases (RLHF book, chapter on rejection sampling).
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { choice, wholeNumber } from '../../domain/settings.ts'
import { inSlices, pause, sortInSlices } from '../programs/program.ts'
import { defineKeep, NEEDS_JUDGE } from './selection.ts'

/** Most groups have a few rows. */
const GROUPS_PER_PAUSE = 64

export const top = defineKeep({
  name: 'top',
  title: 'Keep the best',
  help: 'Keeps the k best completions, of the whole run or of each prompt.',
  source: { citation: 'RLHF book, chapter on rejection sampling', link: 'https://rlhfbook.com/' },
  requires: NEEDS_JUDGE,
  comparesRows: true,
  picks: true,
  settings: {
    k: wholeNumber({
      label: 'Completions to keep',
      help: 'Number of the best completions to keep.',
      from: 1,
      to: 1_000_000,
      default: 1,
    }),
    per: choice({
      label: 'Per',
      help: 'The k best of each prompt, or of the whole run.',
      choices: ['prompt', 'run'],
      default: 'prompt',
    }),
  },
  *select(rows, { k, per }) {
    const decisions: FilterDecision[] = []
    const groups = new Map<string, { at: number; order: number; score: number }[]>()
    yield* inSlices(rows, (row, at) => {
      const { score } = row
      if (!score.ok) return void (decisions[at] = score.decision)
      const group = per === 'prompt' ? row.promptId : ''
      const ranked = groups.get(group)
      if (ranked) ranked.push({ at, order: row.order, score: score.value })
      else groups.set(group, [{ at, order: row.order, score: score.value }])
    })
    const place = `${k === 1 ? 'the best' : `in the best ${k}`} ${per === 'prompt' ? 'of its prompt' : 'of the run'}`
    let groupsDone = 0
    for (const group of groups.values()) {
      const ranked = yield* sortInSlices(group, (a, b) => b.score - a.score || a.order - b.order)
      yield* inSlices(ranked, ({ at, score }, i) => {
        const evidence = { score, rank: i + 1, of: ranked.length }
        decisions[at] = i < k ? kept(evidence) : dropped(`not ${place}`, evidence)
      })
      groupsDone += 1
      if (groupsDone % GROUPS_PER_PAUSE === 0) yield* pause()
    }
    return decisions
  },
})
