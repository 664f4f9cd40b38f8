// Knows: how a teacher's probabilities of a dataset's classes are computed and stored: soft labels, one distribution per row.
// A class's probability is that of its whole label followed by the token that ends an answer: for a label of several tokens it is a product,
// and a label that is a prefix of another (“no”, “not sure”) counts only its own share. Shares among the classes are taken at a temperature.
import type { ChatFormat } from '../../src/domain/chat-format.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { GenerationProgress, ScoreInput, ScoreOutput } from '../../src/engine/generation/generator.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { findClasses } from '../../src/pipeline/training/find-classes.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ClassSoftTargetsRequest, ClassSoftTargetsSummary } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { fillSoftTargetFile } from './stored-soft-targets.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/templates/answer-end.ts'
import { encodePrompt } from './encode-prompt.ts'

/** The part of a loaded teacher that is needed here. */
export interface TokenScoringTeacher {
  readonly description: {
    readonly card: { readonly name: string; readonly fingerprint: string; readonly hasChatTemplate: boolean }
    readonly chatFormat?: ChatFormat
  }
  readonly tokenizer: TextTokenizer
  scoreTokens(
    requests: readonly ScoreInput[],
    hooks: { signal: AbortSignal; onResult: (result: ScoreOutput) => void },
  ): Promise<GenerationProgress>
}

export async function computeClassSoftTargets(
  teacher: TokenScoringTeacher,
  { projectId, datasetId, temperature }: ClassSoftTargetsRequest,
  call: Call<{ done: number; total: number }>,
  db: Database,
): Promise<ClassSoftTargetsSummary> {
  const { card, chatFormat } = teacher.description
  if (!card.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so its probability of each class cannot be computed. Load a model that was tuned for chat, or set the share of the teacher to 0.`,
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
  const fileName = `${datasetId.slice(0, 16)}-${card.fingerprint}-classes-${temperature}${chatFormat === undefined ? '' : `-${chatFormat}`}.trace`
  const header = { topK: labels.length, temperature, labels, tokenizer: { json: '', config: '' } } // the student has its own tokenizer
  const done = await fillSoftTargetFile(
    {
      projectId,
      fileName,
      header,
      rows,
      compute: (batch) => scoreClasses(teacher, batch, labels, temperature, call.signal),
    },
    call,
  )
  return { softTargets: fileName, rows: done.length }
}

/**
 * Two distributions for each row, in their order: the labels' shares at the temperature, which sum to 1 without a remainder; and their plain
 * probabilities, with the remaining mass of all other answers last. None for a row that does not fit the teacher's context.
 */
export async function scoreClasses(
  teacher: Pick<TokenScoringTeacher, 'tokenizer' | 'scoreTokens'>,
  rows: readonly Pick<DatasetRow, 'system' | 'prompt' | 'earlier'>[],
  labels: readonly string[],
  temperature: number,
  signal: AbortSignal,
): Promise<TeacherRow[]> {
  const { tokenizer } = teacher
  const end = findAnswerEnd(tokenizer)
  const continuations = labels.map((label) => [
    ...tokenizer.encode(label, { special: 'never', continues: true }),
    ...(end === undefined ? [] : [end]),
  ])
  const results = new Map<string, readonly number[]>()
  const requests = rows.map((row, i): ScoreInput => ({
    id: String(i),
    tokens: encodePrompt(tokenizer, row) ?? [],
    continuations,
  }))
  const possible = requests.filter(({ tokens }) => tokens.length > 0)
  await teacher.scoreTokens(possible, {
    signal,
    onResult: ({ id, logProbs }) => void results.set(id, logProbs),
  })
  return requests.map(({ id }) => toTeacherRow(results.get(id) ?? [], labels.length, temperature))
}

/** From the log-probabilities of k labels; an empty row if there are none or they are not finite. */
export function toTeacherRow(
  logProbs: readonly number[],
  labelCount: number,
  temperature: number,
): TeacherRow {
  if (logProbs.length !== labelCount || !logProbs.every(Number.isFinite))
    return { topK: labelCount, ids: new Uint16Array(0), probabilities: new Float32Array(0) }
  const max = Math.max(...logProbs)
  const shares = logProbs.map((one) => Math.exp((one - max) / temperature))
  const total = shares.reduce((sum, one) => sum + one, 0)
  const plain = logProbs.map((one) => Math.exp(one))
  const rest = Math.max(0, 1 - plain.reduce((sum, one) => sum + one, 0))
  return {
    topK: labelCount,
    ids: Uint16Array.from({ length: 2 * labelCount }, (_, i) => i % labelCount),
    probabilities: Float32Array.from([...shares.map((one) => one / total), 0, ...plain, rest]),
  }
}
