// Knows: about how large a dataset's file is, before it is made. Apart from file-sizes.ts: it needs every format.
import type { DatasetRow } from '../../domain/dataset.ts'
import { exportRows } from './index.ts'

/** Rows that a dataset's size is estimated from. */
const SAMPLE = 100

/** Bytes of a dataset in a format, from its first rows. */
export function estimateDatasetBytes(rows: readonly DatasetRow[], format: string): number {
  const usable = format === 'preference' ? rows.filter(({ rejected }) => rejected !== undefined) : rows
  const sample = usable.slice(0, SAMPLE)
  if (sample.length === 0) return 0
  const bytes = new TextEncoder().encode([...exportRows(sample, format).pieces].join('')).length
  return Math.round((bytes / sample.length) * usable.length)
}
