// Knows: the best completion of a prompt against its worst, by the judge: what preference losses learn from.
// Source: best against worst of n by a scoring model, as UltraFeedback's pairs are made (Cui et al. 2023; Zephyr, Tunstall et al. 2023).
import { dropped, kept, type FilterAnswer } from '../../domain/filter-answer.ts'
import { realNumber } from '../../domain/settings.ts'
import { defineKeep, type JudgedRow } from './selection.ts'
import { scoreOf } from './score-of.ts'

/** Under this name a kept row's evidence tells the row that it is preferred to. */
export const PREFERRED_TO = 'preferred to'

export const pair = defineKeep({
  name: 'pair',
  title: 'Pair the best with the worst',
  help: 'Of each prompt, keeps the best completion and remembers the worst as what it is preferred to. Ask for several completions a prompt.',
  comparesRows: true,
  settings: {
    margin: realNumber({
      label: 'Smallest difference',
      help: 'Points that the best must be above the worst; pairs that are closer count as ties and are dropped.',
      from: 0,
      to: 4,
      default: 0.5,
      step: 0.1,
    }),
  },
  select(rows, { margin }) {
    const answers: FilterAnswer[] = []
    const prompts = new Map<string, Scored[]>()
    rows.forEach((row, at) => {
      const score = scoreOf(row)
      if (!score.ok) return void (answers[at] = score.answer)
      const scored = { ...row, at, score: score.value }
      const group = prompts.get(row.promptId)
      if (group) group.push(scored)
      else prompts.set(row.promptId, [scored])
    })
    for (const group of prompts.values()) {
      const ranked = group.toSorted((a, b) => b.score - a.score || a.order - b.order)
      const [best, worst] = [ranked[0] as Scored, ranked.at(-1) as Scored]
      const fault = faultOfPair(best, worst, margin)
      for (const { at, id, score } of ranked) {
        if (fault !== undefined) answers[at] = dropped(fault, { score })
        else if (id === best.id)
          answers[at] = kept({ score, [PREFERRED_TO]: worst.id, 'its score': worst.score })
        else
          answers[at] = dropped(
            id === worst.id ? 'the lesser of its pair' : 'neither the best nor the worst of its prompt',
            { score },
          )
      }
    }
    return answers
  },
})

interface Scored extends JudgedRow {
  readonly at: number
  readonly score: number
}

/** Why two completions are no pair. */
function faultOfPair(best: Scored, worst: Scored, margin: number): string | undefined {
  if (best.id === worst.id)
    return 'the only completion of its prompt that is left: there is nothing to prefer it to'
  if (best.completion.trim() === worst.completion.trim())
    return 'no pair: the best and the worst are the same text'
  if (best.score === worst.score || best.score - worst.score < margin)
    return `no pair: the best and the worst are less than ${margin} points apart`
  return undefined
}
