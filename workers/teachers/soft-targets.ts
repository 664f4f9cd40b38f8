// Knows: how a teacher's soft targets along a dataset's completions are computed for the file that a student trains on: the vocabulary
// that both share, and the request for each row.
import type { ChatFormat } from '../../src/domain/chat-format.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { refOf, type SizedCard } from '../../src/domain/model-card.ts'
import type {
  SoftTargetInput,
  SoftTargetOutput,
  SoftTargetOptions,
} from '../../src/engine/generation/generator.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/templates/answer-end.ts'
import { pruneTokenizer, type PrunedTokenizer } from '../../src/engine/tokenizers/prune-tokenizer.ts'
import {
  END_TOKEN,
  STUDENT_SPECIALS,
  textsOfExample,
} from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { SoftTargetsRequest, SoftTargetsSummary } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { encodePrompt } from './encode-prompt.ts'
import { fillSoftTargetFile } from './stored-soft-targets.ts'

/** The part of a loaded teacher that is needed here. */
export interface SoftTargetTeacher {
  readonly description: { readonly card: SizedCard; readonly chatFormat?: ChatFormat }
  readonly tokenizer: TextTokenizer
  computeSoftTargets(
    requests: readonly SoftTargetInput[],
    options: SoftTargetOptions,
    hooks: { signal: AbortSignal; onResult: (result: SoftTargetOutput) => void },
  ): Promise<unknown>
}

export async function computeDatasetSoftTargets(
  teacher: SoftTargetTeacher,
  { projectId, datasetId, topK: requestedTopK, temperature, hidden = false }: SoftTargetsRequest,
  call: Call<{ done: number; total: number }>,
  db: Database,
): Promise<SoftTargetsSummary> {
  const { card, chatFormat } = teacher.description
  if (!card.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so its probabilities for the completions cannot be computed. Load a model that was tuned for chat.`,
    )
  const rows = await listDatasetRows(db, projectId, datasetId, 'train')
  if (rows.length === 0)
    throw new RetortError(
      'ModelMissing',
      'The training rows of this dataset are not stored here any more. Freeze the rows again and train a new student.',
    )
  const shared = shareVocabulary(teacher.tokenizer, rows)
  const topK = Math.min(requestedTopK, shared.teacherIds.length)
  const fileName = `${datasetId.slice(0, 16)}-${card.fingerprint}-${topK}-${temperature}${hidden ? '-hidden' : ''}${chatFormat === undefined ? '' : `-${chatFormat}`}.trace`
  const options = { topK, temperature, allowedIds: shared.teacherIds, hidden }
  const header = {
    topK,
    temperature,
    tokenizer: shared.files,
    ...(hidden ? { hidden: { width: card.width } } : {}),
    teacher: { name: card.name, fingerprint: card.fingerprint },
    ...(chatFormat === undefined ? {} : { chatFormat }),
  }
  const done = await fillSoftTargetFile(
    {
      projectId,
      fileName,
      header,
      rows,
      compute: (batch) => computeRowSoftTargets(teacher, batch, shared, options, call.signal),
    },
    call,
  )
  return {
    softTargets: fileName,
    rows: done.length,
    refused: done.filter(({ ids }) => ids.length === 0).length,
    teacher: refOf(card),
  }
}

/** The vocabulary that a teacher and its student share. */
export interface SharedVocabulary {
  readonly files: { readonly json: string; readonly config: string }
  /** The teacher's tokens that a student can generate, and the student's id of each. */
  readonly teacherIds: Int32Array
  readonly studentIds: Uint16Array
  /** Index of the end-of-answer token among them; −1 if the teacher has none. */
  readonly endIndex: number
}

/** Throws ModelRefused if they cannot share one. */
export function shareVocabulary(teacher: TextTokenizer, rows: readonly DatasetRow[]): SharedVocabulary {
  const made = pruneTokenizer(teacher, rows.flatMap(textsOfExample))
  if (!made.ok) throw new RetortError('ModelRefused', made.sentence)
  const { tokenizerJson, tokenizerConfig, tokenizer } = made.pruned
  if (tokenizer.vocabularySize > 65_536)
    throw new RetortError(
      'ModelRefused',
      `These rows use ${tokenizer.vocabularySize.toLocaleString('en')} of the teacher’s tokens, and a student can share at most 65,536. Train on fewer rows, or on the texts alone.`,
    )
  const pairs = pairTokens(made.pruned, findAnswerEnd(teacher))
  return {
    files: { json: JSON.stringify(tokenizerJson), config: JSON.stringify(tokenizerConfig) },
    teacherIds: Int32Array.from(pairs, ([theirs]) => theirs),
    studentIds: Uint16Array.from(pairs, ([, ours]) => ours),
    endIndex: pairs.findIndex(([, ours]) => ours === STUDENT_SPECIALS.indexOf(END_TOKEN)),
  }
}

/** Pairs of tokens that both have: those of texts, and the end of an answer. */
function pairTokens(
  { teacherIds }: PrunedTokenizer,
  teacherEnd: number | undefined,
): [teacher: number, student: number][] {
  const pairs = [...teacherIds].flatMap((theirs, ours): [number, number][] =>
    theirs < 0 ? [] : [[theirs, ours]],
  )
  return teacherEnd === undefined ? pairs : [...pairs, [teacherEnd, STUDENT_SPECIALS.indexOf(END_TOKEN)]]
}

/** Soft targets of the rows, in their order. */
export async function computeRowSoftTargets(
  teacher: Pick<SoftTargetTeacher, 'tokenizer' | 'computeSoftTargets'>,
  rows: readonly DatasetRow[],
  { studentIds }: SharedVocabulary,
  options: SoftTargetOptions,
  signal: AbortSignal,
): Promise<TeacherRow[]> {
  const { tokenizer } = teacher
  const requests = rows.map((row, i): SoftTargetInput => ({
    id: String(i),
    prompt: encodePrompt(tokenizer, row) ?? [],
    completion: tokenizer.encode(row.completion, { special: 'never', continues: true }),
  }))
  const results = new Map<string, SoftTargetOutput>()
  // A conversation that the teacher's template refuses has none, like one that does not fit its context.
  const possible = requests.filter(({ prompt }) => prompt.length > 0)
  await teacher.computeSoftTargets(possible, options, {
    signal,
    onResult: (result) => void results.set(result.id, result),
  })
  return requests.map(({ id, completion }) => {
    const output = results.get(id)
    return {
      topK: options.topK,
      ids: Uint16Array.from(output?.indices ?? [], (index) => studentIds[index] ?? 0),
      probabilities: output?.probabilities ?? new Float32Array(0),
      ...(output?.hidden
        ? { hidden: { width: output.hidden.length / (completion.length + 1), directions: output.hidden } }
        : {}),
    }
  })
}
