// Knows: about how large each downloaded file is, before it is made.
// Must not know: how a file is written.
import type { DatasetRow } from '../../domain/dataset.ts'
import type { Student } from '../../domain/student.ts'
import { exportRows } from './index.ts'

/** Bytes of a vocabulary entry in tokenizer.json or GGUF metadata, measured on students of 1,024 and 2,000 entries. */
const BYTES_PER_ENTRY = 40
/** Rows that a dataset's size is estimated from. */
const SAMPLE = 100

/** Bytes of a student's files: 32-bit weights in a folder, 16-bit in a merged GGUF, adapters alone in 32 bits. */
export function estimateStudentBytes(
  {
    parameters,
    trainedParameters,
    baseModel,
    shape,
  }: Pick<Student, 'parameters' | 'trainedParameters' | 'baseModel' | 'shape'>,
  format: 'huggingface' | 'gguf' | 'adapter',
): number {
  if (format === 'adapter') return 4 * (trainedParameters ?? 0)
  return (format === 'gguf' && baseModel ? 2 : 4) * parameters + BYTES_PER_ENTRY * shape.vocabulary
}

/** Bytes of a dataset in a format, from its first rows. */
export function estimateDatasetBytes(rows: readonly DatasetRow[], format: string): number {
  const usable = format === 'preference' ? rows.filter(({ rejected }) => rejected !== undefined) : rows
  const sample = usable.slice(0, SAMPLE)
  if (sample.length === 0) return 0
  const bytes = new TextEncoder().encode([...exportRows(sample, format).pieces].join('')).length
  return Math.round((bytes / sample.length) * usable.length)
}
