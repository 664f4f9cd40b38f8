// Knows: how a teacher's probabilities of a dataset's classes get into a file: soft labels, one distribution a row.
// A class's probability is that of its whole label and the token that ends an answer: a label of several tokens is one product, and one
// that another begins with (“no”, “not sure”) has no more than its own share. Among the classes these are taken at a temperature.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { Progress, Scorable, Scored } from '../../src/engine/generation/generator.ts'
import { messagesOf } from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { findClasses } from '../../src/pipeline/training/find-classes.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ClassTraceRequest, ClassTraceSummary } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { fillTrace } from './stored-trace.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/answer-end.ts'

/** What is needed of a loaded teacher. */
export interface WeighingTeacher {
  readonly description: {
    readonly card: { readonly name: string; readonly fingerprint: string; readonly hasChatTemplate: boolean }
  }
  readonly tokenizer: TextTokenizer
  weigh(
    requests: readonly Scorable[],
    hooks: { signal: AbortSignal; onResult: (result: Scored) => void },
  ): Promise<Progress>
}

export async function traceClasses(
  teacher: WeighingTeacher,
  { projectId, datasetId, temperature }: ClassTraceRequest,
  call: Call<{ done: number; total: number }>,
  db: Database,
): Promise<ClassTraceSummary> {
  const { card } = teacher.description
  if (!card.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so it cannot be asked how likely it finds each class. Load a model that was tuned for chat, or set the share of the teacher to 0.`,
    )
  const rows = await listDatasetRows(db, projectId, datasetId, 'train')
  if (rows.length === 0)
    throw new RetortError(
      'ModelMissing',
      'The training rows of this dataset are not stored here any more. Freeze the rows again and train a new student.',
    )
  const classes = findClasses(rows)
  if (!classes.ok)
    throw new RetortError('ModelRefused', classes.problems[0]?.sentence ?? 'The rows have no classes.')
  const labels = classes.value.map(({ name }) => name)
  const trace = `${datasetId.slice(0, 16)}-${card.fingerprint}-classes-${temperature}.trace`
  const header = { choices: labels.length, temperature, labels, tokenizer: { json: '', config: '' } } // the student's words are its own
  const done = await fillTrace(
    {
      projectId,
      trace,
      header,
      rows,
      ask: (some) => weighRows(teacher, some, labels, temperature, call.signal),
    },
    call,
  )
  return { trace, rows: done.length }
}

/**
 * What the teacher finds of each row, in their order, as two distributions: the labels' shares among one another at the temperature, with
 * nothing left over; and their plain probabilities, with that of every other answer last. None for a row that did not fit its context.
 */
export async function weighRows(
  teacher: Pick<WeighingTeacher, 'tokenizer' | 'weigh'>,
  rows: readonly Pick<DatasetRow, 'system' | 'prompt'>[],
  labels: readonly string[],
  temperature: number,
  signal: AbortSignal,
): Promise<TeacherRow[]> {
  const { tokenizer } = teacher
  const end = findAnswerEnd(tokenizer)
  const continuations = labels.map((label) => [
    ...tokenizer.encode(label, { special: false, continues: true }),
    ...(end === undefined ? [] : [end]),
  ])
  const found = new Map<string, readonly number[]>()
  const requests = rows.map((row, i): Scorable => ({
    id: String(i),
    tokens: tokenizer.encode(tokenizer.renderChat(messagesOf(row), { addGenerationPrompt: true })),
    continuations,
  }))
  await teacher.weigh(requests, { signal, onResult: ({ id, logProbs }) => void found.set(id, logProbs) })
  return requests.map(({ id }) => toTeacherRow(found.get(id) ?? [], labels.length, temperature))
}

/** Of log-probabilities of k labels; of none where there are none or they are no numbers. */
export function toTeacherRow(logProbs: readonly number[], choices: number, temperature: number): TeacherRow {
  if (logProbs.length !== choices || !logProbs.every(Number.isFinite))
    return { choices, ids: new Uint16Array(0), probabilities: new Float32Array(0) }
  const most = Math.max(...logProbs)
  const shares = logProbs.map((one) => Math.exp((one - most) / temperature))
  const total = shares.reduce((sum, one) => sum + one, 0)
  const plain = logProbs.map((one) => Math.exp(one))
  const left = Math.max(0, 1 - plain.reduce((sum, one) => sum + one, 0))
  return {
    choices,
    ids: Uint16Array.from({ length: 2 * choices }, (_, i) => i % choices),
    probabilities: Float32Array.from([...shares.map((one) => one / total), 0, ...plain, left]),
  }
}
