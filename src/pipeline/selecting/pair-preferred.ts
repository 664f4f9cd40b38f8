// Knows: preference pairs from comparisons: of each prompt the completion that won most often against the one that lost most often.
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { wholeNumber } from '../../domain/settings.ts'
import { PAIRWISE } from '../comparing-rows/pairwise.ts'
import { PREFERRED_TO } from './pair.ts'
import { inSlices } from '../programs/program.ts'
import { defineKeep, type HeldRow } from './selection.ts'

export const pairPreferred = defineKeep({
  name: 'pair-preferred',
  title: 'Pair by comparisons',
  help: 'Keeps the completion of each prompt that won most comparisons, paired with the one that lost most.',
  source: { citation: 'Zheng et al. 2023 (MT-Bench)', link: 'https://arxiv.org/abs/2306.05685' },
  takes: ['completions', 'comparisons'],
  requires: {
    family: 'compare',
    name: PAIRWISE,
    sentence:
      '`keep: pair-preferred` selects by comparisons. Add `- compare: pairwise` before it, or remove it.',
  },
  comparesRows: true,
  comparesTexts: true,
  picks: true,
  makesPairs: true,
  settings: {
    margin: wholeNumber({
      label: 'Min difference in wins',
      help: 'Min difference between the two in wins minus losses; closer pairs count as ties and are dropped.',
      from: 1,
      to: 100,
      default: 1,
      unit: 'wins',
    }),
  },
  *select(rows, { margin }) {
    const decisions: FilterDecision[] = []
    const prompts = new Map<string, Counted[]>()
    yield* inSlices(rows, (row, at) => {
      const counts = countsOf(row)
      if (counts === undefined) return void (decisions[at] = dropped('not compared'))
      const counted = { ...row, at, ...counts, net: counts.wins - counts.losses }
      const group = prompts.get(row.promptId)
      if (group) group.push(counted)
      else prompts.set(row.promptId, [counted])
    })
    yield* inSlices(prompts.values(), (group) => {
      const ranked = group.toSorted((a, b) => b.net - a.net || a.order - b.order)
      const [best, worst] = [ranked[0] as Counted, ranked.at(-1) as Counted] // a group has a row
      const reason = refusePair(best, worst, margin)
      for (const { at, id, wins, losses } of ranked) {
        const evidence = { wins, losses }
        if (reason !== undefined) decisions[at] = dropped(reason, evidence)
        else if (id === best.id)
          decisions[at] = kept({
            ...evidence,
            [PREFERRED_TO]: worst.id,
            'rejected wins': worst.wins,
            'rejected losses': worst.losses,
          })
        else
          decisions[at] = dropped(
            id === worst.id
              ? 'the rejected completion of its pair'
              : 'neither the best nor the worst of its prompt',
            evidence,
          )
      }
    })
    return decisions
  },
})

interface Counts {
  readonly wins: number
  readonly losses: number
  readonly ties: number
}
interface Counted extends HeldRow, Counts {
  readonly at: number
  /** Wins minus losses. */
  readonly net: number
}

/** What the last step that compared the row counted. */
function countsOf({ found }: HeldRow): Counts | undefined {
  const { wins, losses, ties } = found[PAIRWISE] ?? {}
  if (typeof wins !== 'number' || typeof losses !== 'number') return undefined
  return { wins, losses, ties: typeof ties === 'number' ? ties : 0 }
}

/** Why two completions are not a pair. */
function refusePair(best: Counted, worst: Counted, margin: number): string | undefined {
  if (best.id === worst.id) return 'no pair: the only completion of its prompt that is left'
  if (best.text === worst.text) return 'no pair: the best and the worst are the same text'
  if (best.wins + best.losses + best.ties + worst.wins + worst.losses + worst.ties === 0)
    return 'no pair: no comparison of them could be read'
  if (best.net - worst.net < margin)
    return best.net === worst.net
      ? 'no pair: no completion of its prompt won more often than another'
      : `no pair: the best and the worst are less than ${margin} wins apart`
  return undefined
}
