// Knows: preference pairs from revisions: the last revision of a completion against the completion that it began with.
// Source: Self-Refine (Madaan et al. 2023) for the revisions; revised against original as pairs: Constitutional AI (Bai et al. 2022).
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { toggle } from '../../domain/settings.ts'
import { PREFERRED_TO } from './pair.ts'
import { inSlices, type Program } from '../programs/program.ts'
import { defineKeep, type HeldRow } from './selection.ts'

export const pairRevised = defineKeep({
  name: 'pair-revised',
  title: 'Pair revisions with originals',
  help: 'Keeps the last revision of each completion, paired with the original. Needs `original: keep` in “Critique and revise”.',
  source: { citation: 'Bai et al. 2022 (Constitutional AI)', link: 'https://arxiv.org/abs/2212.08073' },
  takes: ['completions'],
  requires: {
    family: 'complete',
    name: 'revise',
    sentence:
      '`keep: pair-revised` pairs revisions with their originals. Add `- complete: revise` with `original: keep` before it, or remove it.',
  },
  comparesRows: true,
  comparesTexts: true,
  picks: true,
  makesPairs: true,
  settings: {
    scoresHigher: toggle({
      label: 'Only better revisions',
      help: 'Makes pairs only where a judge gave the revision a higher score than the original; needs a judge step.',
      default: false,
    }),
  },
  *select(rows, { scoresHigher }) {
    const byId = new Map<string, HeldRow>()
    yield* inSlices(rows, (row) => void byId.set(row.id, row))
    const decisions = new Map<string, FilterDecision>()
    const groups = yield* groupByOriginal(rows, byId)
    yield* inSlices(groups.values(), (group) => {
      const inOrder = group.toSorted((a, b) => a.order - b.order)
      const [original, last] = [inOrder[0] as HeldRow, inOrder.at(-1) as HeldRow] // a group has a row
      const refusal = refusePair(original, last, scoresHigher)
      for (const row of inOrder) {
        if (refusal !== undefined) decisions.set(row.id, refusal)
        else if (row === last) decisions.set(row.id, kept({ [PREFERRED_TO]: original.id }))
        else
          decisions.set(
            row.id,
            dropped(
              row === original
                ? 'the rejected original of its pair'
                : 'not the last revision of its original',
            ),
          )
      }
    })
    return rows.map(({ id }) => decisions.get(id) ?? dropped('no pair'))
  },
})

/** Rows by the id of the one that the first of them revises, through revisions of revisions. */
function* groupByOriginal(
  rows: readonly HeldRow[],
  byId: ReadonlyMap<string, HeldRow>,
): Program<Map<string, HeldRow[]>> {
  const groups = new Map<string, HeldRow[]>()
  yield* inSlices(rows, (row) => {
    let original = row
    const seen = new Set<string>()
    for (;;) {
      const parent = byId.get(original.parent ?? '')
      if (parent === undefined || seen.has(parent.id)) break
      seen.add(parent.id)
      original = parent
    }
    const group = groups.get(original.id)
    if (group) group.push(row)
    else groups.set(original.id, [row])
  })
  return groups
}

/** The decision on all rows of a group that makes no pair. */
function refusePair(original: HeldRow, last: HeldRow, scoresHigher: boolean): FilterDecision | undefined {
  if (original === last)
    return dropped(
      original.parent === undefined
        ? 'no pair: it has no revision that is left'
        : 'no pair: the original was dropped before (`original: keep` in `complete: revise` keeps it)',
    )
  if (original.text === last.text) return dropped('no pair: the revision is the same text as the original')
  if (!scoresHigher) return undefined
  const [before, after] = [original.score, last.score]
  if (!before.ok) return before.decision
  if (!after.ok) return after.decision
  return after.value > before.value
    ? undefined
    : dropped('no pair: the revision has no higher score than the original', {
        score: after.value,
        'original score': before.value,
      })
}
