// Knows: preference pairs: the best completion of a prompt against its worst, by the judge's scores.
// Source: best against worst of n by a scoring model, as UltraFeedback's pairs are made (Cui et al. 2023; Zephyr, Tunstall et al. 2023).
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { realNumber } from '../../domain/settings.ts'
import { inSlices } from '../programs/program.ts'
import { defineKeep, NEEDS_JUDGE, type HeldRow } from './selection.ts'

/** The evidence key under which a kept row stores the id of the row that it is preferred to. */
export const PREFERRED_TO = 'preferred to'

export const pair = defineKeep({
  name: 'pair',
  title: 'Pair the best with the worst',
  help: 'Keeps the best completion of each prompt, paired with the worst one. Needs several completions per prompt.',
  source: { citation: 'Cui et al. 2023 (UltraFeedback)', link: 'https://arxiv.org/abs/2310.01377' },
  requires: NEEDS_JUDGE,
  comparesRows: true,
  comparesTexts: true,
  picks: true,
  makesPairs: true,
  settings: {
    margin: realNumber({
      label: 'Min score difference',
      help: 'Min points between best and worst; closer pairs count as ties and are dropped.',
      from: 0,
      to: 4,
      default: 0.5,
      step: 0.1,
    }),
  },
  *select(rows, { margin }) {
    const decisions: FilterDecision[] = []
    const prompts = new Map<string, Scored[]>()
    yield* inSlices(rows, (row, at) => {
      const { score } = row
      if (!score.ok) return void (decisions[at] = score.decision)
      const scored = { ...row, at, score: score.value }
      const group = prompts.get(row.promptId)
      if (group) group.push(scored)
      else prompts.set(row.promptId, [scored])
    })
    yield* inSlices(prompts.values(), (group) => {
      const ranked = group.toSorted((a, b) => b.score - a.score || a.order - b.order)
      const [best, worst] = [ranked[0] as Scored, ranked.at(-1) as Scored]
      const reason = refusePair(best, worst, margin)
      for (const { at, id, score } of ranked) {
        if (reason !== undefined) decisions[at] = dropped(reason, { score })
        else if (id === best.id)
          decisions[at] = kept({ score, [PREFERRED_TO]: worst.id, 'rejected score': worst.score })
        else
          decisions[at] = dropped(
            id === worst.id
              ? 'the rejected completion of its pair'
              : 'neither the best nor the worst of its prompt',
            { score },
          )
      }
    })
    return decisions
  },
})

interface Scored extends Omit<HeldRow, 'score'> {
  readonly at: number
  readonly score: number
}

/** Why two completions are not a pair. */
function refusePair(best: Scored, worst: Scored, margin: number): string | undefined {
  if (best.id === worst.id) return 'no pair: the only completion of its prompt that is left'
  if (best.text === worst.text) return 'no pair: the best and the worst are the same text'
  if (best.score === worst.score || best.score - worst.score < margin)
    return `no pair: the best and the worst are less than ${margin} points apart`
  return undefined
}
