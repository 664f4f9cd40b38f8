// Knows: which rows of a run become a dataset, in which order, and with which of their texts.
import type { DatasetRow } from '../../domain/dataset.ts'
import { accept, type Checked } from '../../domain/problem.ts'
import { effectiveText, type Row } from '../../domain/row.ts'
import { splitRows, type SplitSettings } from './split.ts'

/** Used where a recipe has no freeze step. */
export const DEFAULT_SPLIT: SplitSettings = { heldOut: 0.1 }

/** The kept rows in the run's order, with a person's edits, on their side of the split; or why they cannot be frozen. */
export function freezeRows(rows: readonly Row[], settings: SplitSettings, rngSeed: number): Checked<DatasetRow[]> {
  const kept = rows.filter(({ status }) => status === 'kept').toSorted((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
  const texts = kept.map(effectiveText)
  const sides = splitRows(kept.map(({ seedId }, i) => ({ seedId, prompt: texts[i]?.prompt ?? '' })), settings, rngSeed)
  if (!sides.ok) return sides
  return accept(
    kept.map((row, i) => ({
      rowId: row.id,
      seedId: row.seedId,
      split: sides.value[i] ?? 'train',
      system: row.completion.system,
      prompt: texts[i]?.prompt ?? '',
      completion: texts[i]?.completion ?? '',
      ...(row.verdict?.kind === 'score' ? { score: row.verdict.score } : {}),
      editedByHand: row.edit !== undefined,
    })),
  )
}
