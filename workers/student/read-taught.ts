// Knows: what a student needs of a teacher whose probabilities it learns: the stored distributions and the vocabulary they are in.
import { learnsClasses, needsTeacher } from '../../src/domain/student.ts'
import { tokenizerFromJson } from '../../src/engine/tokenizers/json-tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { LEAST_PROBABILITY } from '../../src/engine/training/distillation.ts'
import { readTraceFile } from '../../src/engine/training/trace-file.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TrainRequest } from '../../src/protocol/student.ts'
import type { StudentStores } from './stores.ts'

export interface Taught {
  /** One for each training row, in order. */
  readonly rows: readonly TeacherRow[]
  /** Names of the classes that they are shares of, where they are no tokens. */
  readonly labels?: readonly string[]
  /** Absent where the student has words of its own. */
  readonly words?: { readonly tokenizer: TextTokenizer; readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown } }
}

/** Undefined for a loss that needs no teacher. Throws ModelMissing where the file is gone and ModelRefused where it cannot be used. */
export async function readTaught({ projectId, settings, trace }: TrainRequest, stores: StudentStores): Promise<Taught | undefined> {
  if (!needsTeacher(settings)) return undefined
  const bytes = trace === undefined ? undefined : await stores.readTrace(projectId, trace)
  if (!bytes) throw new RetortError('ModelMissing', 'The teacher’s probabilities that this student learns from are not stored here any more. Load the teacher and train a new student.')
  const read = readTraceFile(bytes)
  if (!read.ok) throw new RetortError('ModelRefused', read.sentence)
  const { header, rows } = read.file
  if (rows.length < header.rows) throw new RetortError('ModelRefused', `The teacher’s stored answers cannot be used: ${rows.length} of ${header.rows} rows are there. Load the teacher and train a new student.`)
  if (learnsClasses(settings)) {
    if (header.labels === undefined) throw new RetortError('ModelRefused', 'The teacher’s stored answers cannot be used: they are not of classes. Load the teacher and train a new student.')
    return { rows, labels: header.labels }
  }
  const words = readWords(header.tokenizer)
  if (rows.some(({ ids }) => ids.some((id) => id >= words.tokenizer.vocabularySize))) throw new RetortError('ModelRefused', 'The teacher’s stored answers cannot be used: they name tokens that the vocabulary does not have. Load the teacher and train a new student.')
  return { rows: rows.map(raiseLeast), words }
}

function readWords({ json, config }: { readonly json: string; readonly config: string }): NonNullable<Taught['words']> {
  try {
    const [tokenizerJson, tokenizerConfig]: unknown[] = [JSON.parse(json), JSON.parse(config)]
    return { tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig), tokenizerFiles: { tokenizerJson, tokenizerConfig } }
  } catch (thrown) {
    throw new RetortError('ModelRefused', 'The teacher’s stored answers cannot be used: their vocabulary is broken. Load the teacher and train a new student.', { cause: thrown })
  }
}

/** No probability stays so small that its logarithm would rule a loss. */
export const raiseLeast = (row: TeacherRow): TeacherRow => ({ ...row, probabilities: row.probabilities.map((probability) => Math.max(probability, LEAST_PROBABILITY)) })
