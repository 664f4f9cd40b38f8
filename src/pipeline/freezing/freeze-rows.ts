// Knows: which rows of a run become a dataset, in which order, and with which texts.
import { hashConversation } from '../../domain/conversation.ts'
import type { DatasetRow } from '../../domain/dataset.ts'
import { contentId, type RowId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { accept, type Checked } from '../../domain/problem.ts'
import { effectiveScore, effectiveText, effectiveVerdicts, type Row } from '../../domain/row.ts'
import { PREFERRED_TO } from '../selecting/pair.ts'
import { splitRows, type SplitSettings } from './split.ts'

/** Used if a recipe has no freeze step. */
export const DEFAULT_SPLIT: SplitSettings = { heldOut: 0.1 }

/** The id of the row that a row is preferred to by its recipe's pair step. */
export function findPreferredTo({ decisions }: Pick<Row, 'decisions'>): string | undefined {
  for (const { decision } of decisions) {
    const id = decision.evidence[PREFERRED_TO]
    if (decision.kind === 'kept' && typeof id === 'string') return id
  }
  return undefined
}

/** The score of the row's texts as they are frozen: a score of earlier texts is left out. */
function scoreField(row: Row): { readonly score?: number } {
  const score = effectiveScore(row)
  return score === undefined ? {} : { score }
}

/** Every readable verdict on these texts, each with its rubric and its judge. */
function scoresField(row: Row): { readonly scores?: NonNullable<DatasetRow['scores']> } {
  const scores = effectiveVerdicts(row).flatMap(({ verdict }) =>
    verdict.kind === 'score'
      ? [{ rubric: verdict.rubric, judge: verdict.judge.name, score: verdict.score }]
      : [],
  )
  return scores.length === 0 ? {} : { scores }
}

/** The texts of a row that decide its split: rows of one conversation are never on different sides. */
const conversationOf = (row: Row, prompt: string): string =>
  [...(row.earlier ?? []).map(({ role, content }) => `${role}: ${content}`), prompt].join('\n\n')

/**
 * The rejected completion of a kept row's pair, with a person's edits. Undefined if there is none: the other row is gone
 * or was rejected by hand, or edits made both texts equal or their prompts different.
 */
function readRejected(row: Row, others: ReadonlyMap<string, Row>): DatasetRow['rejected'] {
  const other = others.get(findPreferredTo(row) ?? '')
  if (other === undefined || other.status === 'rejected') return undefined
  const [chosen, rejected] = [effectiveText(row), effectiveText(other)]
  if (chosen.prompt !== rejected.prompt || chosen.completion.trim() === rejected.completion.trim())
    return undefined
  return { completion: rejected.completion, ...scoreField(other) }
}

/** Ids from the rows' contents, unlike those in storage, which depend on the run; the n-th of several equal rows counts as that. */
function makeRowIds(rows: readonly Row[]): RowId[] {
  const seen = new Map<string, number>()
  return rows.map((row) => {
    const { system, teacher, sampling } = row.completion
    const { prompt, completion } = effectiveText(row)
    const contents = [
      system,
      prompt,
      completion,
      teacher.fingerprint,
      sampling.rngSeed,
      // Only where there are some: other rows keep the ids of versions that had none.
      ...(row.earlier ? [hashConversation('', row.earlier)] : []),
    ]
    const key = contents.join('\0')
    const repeat = seen.get(key) ?? 0
    seen.set(key, repeat + 1)
    return contentId('row', [...contents, repeat])
  })
}

/**
 * The kept rows in the run's order, with a person's edits and their split; or why they cannot be frozen. `rows` also contains the
 * rows that they are preferred to. Rows that another model than `teacher` wrote say which one.
 */
export function freezeRows(
  rows: readonly Row[],
  settings: SplitSettings,
  rngSeed: number,
  teacher?: ModelRef,
): Checked<DatasetRow[]> {
  const byId = new Map<string, Row>(rows.map((row) => [row.id, row]))
  const kept = rows
    .filter(({ status }) => status === 'kept')
    .toSorted((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
  const texts = kept.map(effectiveText)
  const sides = splitRows(
    kept.map((row, i) => ({ seedId: row.seedId, prompt: conversationOf(row, texts[i]?.prompt ?? '') })),
    settings,
    rngSeed,
  )
  if (!sides.ok) return sides
  const ids = makeRowIds(kept)
  return accept(
    kept.map((row, i) => {
      const rejected = readRejected(row, byId)
      return {
        rowId: ids[i] ?? row.id,
        seedId: row.seedId,
        split: sides.value[i] ?? 'train',
        system: row.completion.system,
        prompt: texts[i]?.prompt ?? '',
        ...(row.earlier ? { earlier: row.earlier } : {}),
        completion: texts[i]?.completion ?? '',
        ...scoreField(row),
        editedByHand: row.edit !== undefined,
        ...scoresField(row),
        ...(row.fields ? { fields: row.fields } : {}),
        ...(teacher && row.completion.teacher.fingerprint !== teacher.fingerprint
          ? { writtenBy: row.completion.teacher.name }
          : {}),
        ...(rejected ? { rejected } : {}),
      }
    }),
  )
}
