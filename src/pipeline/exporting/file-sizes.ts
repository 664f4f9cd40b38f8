// Knows: about how large a student's files are, before they are made.
// Must not know: how a file is written.
import type { Student } from '../../domain/student.ts'

/** Bytes of a vocabulary entry in tokenizer.json or GGUF metadata, measured on students of 1,024 and 2,000 entries. */
const BYTES_PER_ENTRY = 40

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
