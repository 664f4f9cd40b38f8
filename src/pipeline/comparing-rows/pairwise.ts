// Knows: the step that compares the completions of each prompt with each other: all pairs, or a tournament in which winners meet winners.
// Source: MT-Bench (Zheng et al. 2023): both orders, and verdicts that disagree are a tie. Knockout rounds need n - 1 comparisons.
import { kept, reasonOf } from '../../domain/filter-decision.ts'
import { choice, role, wholeNumber } from '../../domain/settings.ts'
import type { PairVerdict } from '../../domain/verdict.ts'
import { comparePair } from '../judging/pair-program.ts'
import { rubric as rubricStep, rubricOfSettings } from '../judging/rubric.ts'
import { all, attempt, inSlices, type Program } from '../programs/program.ts'
import { defineTogether, type ComparedRows, type StageRow } from '../stages/stage.ts'

/** Its name, by which its evidence is found. */
export const PAIRWISE = 'pairwise'

/** What it needs of a row. */
interface HeldRow extends Pick<StageRow, 'id' | 'promptId' | 'order' | 'prompt' | 'earlier'> {
  readonly text: string
}
/** A row with its index in the list of all rows. */
interface Entry {
  readonly at: number
  readonly row: HeldRow
}
type Compare = (first: Entry, second: Entry) => Program<ComparedRows>

const { rubric, own, thinking, maxTokens } = rubricStep.settings

export const pairwise = defineTogether({
  family: 'compare',
  name: PAIRWISE,
  title: 'Compare in pairs',
  help: 'The judge compares completions of the same prompt with each other, each pair in both orders; verdicts that disagree are a tie.',
  source: { citation: 'Zheng et al. 2023 (MT-Bench)', link: 'https://arxiv.org/abs/2306.05685' },
  gives: ['completions', 'comparisons'],
  settings: {
    by: role({ default: 'judge' }),
    rubric,
    own,
    pairs: choice({
      label: 'Pairs',
      help: '“all” compares each completion with each other one of its prompt. “tournament” lets winners meet winners, which needs one comparison less than there are completions.',
      choices: ['all', 'tournament'],
      default: 'all',
    }),
    maxPairs: wholeNumber({
      label: 'Max pairs of a prompt',
      help: 'With more pairs than this only some are compared, so that every completion is in about as many of them.',
      usedIf: { setting: 'pairs', is: ['all'] },
      from: 1,
      to: 1000,
      default: 28,
      unit: 'pairs',
    }),
    thinking,
    maxTokens,
  },
  check: (settings) => rubricStep.check?.({ ...settings, minMass: 0 }) ?? [],
  needs: (settings) => rubricStep.needs?.({ ...settings, minMass: 0 }) ?? [],
  checkModels: (settings, modelOf) => rubricStep.checkModels?.({ ...settings, minMass: 0 }, modelOf) ?? [],
  hold: ({ id, promptId, order, prompt, earlier, completion: { text } }): HeldRow => ({
    id,
    promptId,
    order,
    prompt,
    ...(earlier ? { earlier } : {}),
    text,
  }),
  *together(rows, settings, { modelOf }) {
    const { ref: judge, contextLength } = modelOf(settings.by)
    const chosen = rubricOfSettings(settings)
    const judging = {
      rubric: chosen,
      judge,
      settings: { ...settings, minMass: 0 },
      contextLength,
      role: settings.by,
    }
    const compare: Compare = function* (first, second) {
      const { prompt, earlier, text } = first.row
      const pair = { prompt, earlier, first: text, second: second.row.text }
      const tie: PairVerdict = { judge, shownFirst: 0.5, shownSecond: 0.5, outcome: 'tie' }
      let verdict = tie
      if (pair.first.trim() !== pair.second.trim()) {
        const compared = yield* attempt(comparePair(`${first.row.id}/${second.row.id}`, pair, judging))
        // One bad pair ends no run.
        verdict = compared.ok
          ? compared.outcome
          : { ...tie, unreadable: `the comparison failed: ${reasonOf(compared.thrown)}` }
      }
      return { first: first.at, second: second.at, rubric: chosen.name, verdict }
    }
    const groups = (yield* groupByPrompt(rows)).filter((group) => group.length > 1)
    const compareGroup = (group: readonly Entry[]): Program<readonly ComparedRows[]> =>
      settings.pairs === 'tournament'
        ? playTournament(group, compare)
        : compareAll(group, settings.maxPairs, compare)
    const compared = yield* all(groups.map(compareGroup))
    const preferences: ComparedRows[] = []
    yield* inSlices(compared, (some) => void preferences.push(...some))
    const counts = yield* countOutcomes(rows.length, preferences)
    return { decisions: counts.map((counted) => kept(counted)), preferences }
  },
})

/** The rows of each prompt in their order. */
function* groupByPrompt(rows: readonly HeldRow[]): Program<Entry[][]> {
  const groups = new Map<string, Entry[]>()
  yield* inSlices(rows, (row, at) => {
    const group = groups.get(row.promptId)
    if (group) group.push({ at, row })
    else groups.set(row.promptId, [{ at, row }])
  })
  const sorted: Entry[][] = []
  yield* inSlices(groups.values(), (group) => {
    sorted.push(group.toSorted((a, b) => a.row.order - b.row.order))
  })
  return sorted
}

/**
 * All pairs of a list, at most `max`: neighbours first, then those two places apart, and so on around the list, so that every item is in
 * about as many of them.
 */
export function listPairs<T>(items: readonly T[], max: number): (readonly [T, T])[] {
  const pairs: (readonly [T, T])[] = []
  const count = items.length
  for (let distance = 1; 2 * distance <= count; distance++) {
    const ends = 2 * distance === count ? distance : count
    for (let at = 0; at < ends; at++) {
      if (pairs.length === max) return pairs
      const [low, high] = [Math.min(at, (at + distance) % count), Math.max(at, (at + distance) % count)]
      pairs.push([items[low] as T, items[high] as T]) // both are below the count
    }
  }
  return pairs
}

/** All pairs side by side. */
function* compareAll(
  group: readonly Entry[],
  max: number,
  compare: Compare,
): Program<readonly ComparedRows[]> {
  return yield* all(listPairs(group, max).map(([one, other]) => compare(one, other)))
}

/** Rounds of pairs; the winner of each is in the next round, after a tie the earlier row, and without an opponent a row is too. */
function* playTournament(group: readonly Entry[], compare: Compare): Program<ComparedRows[]> {
  const compared: ComparedRows[] = []
  let left = group
  while (left.length > 1) {
    const pairs = Array.from(
      { length: Math.floor(left.length / 2) },
      (_, i) => [left[2 * i], left[2 * i + 1]] as [Entry, Entry],
    )
    const played = yield* all(pairs.map(([one, other]) => compare(one, other)))
    compared.push(...played)
    const winners = pairs.map(([one, other], i) => (played[i]?.verdict.outcome === 'second' ? other : one))
    left = [...winners, ...left.slice(2 * pairs.length)]
  }
  return compared
}

/** How often each row won, lost and tied; comparisons that could not be read are counted apart, where there are some. */
function* countOutcomes(rows: number, compared: readonly ComparedRows[]): Program<Record<string, number>[]> {
  const counts = Array.from({ length: rows }, () => ({ wins: 0, losses: 0, ties: 0, unreadable: 0 }))
  yield* inSlices(compared, ({ first, second, verdict }) => {
    const [one, other] = [counts[first], counts[second]]
    if (one === undefined || other === undefined) return
    if (verdict.unreadable !== undefined) {
      one.unreadable += 1
      other.unreadable += 1
    } else if (verdict.outcome === 'tie') {
      one.ties += 1
      other.ties += 1
    } else {
      const [winner, loser] = verdict.outcome === 'first' ? [one, other] : [other, one]
      winner.wins += 1
      loser.losses += 1
    }
  })
  return counts.map(({ unreadable, ...read }) => (unreadable > 0 ? { ...read, unreadable } : read))
}
