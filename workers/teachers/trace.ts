// Knows: how a teacher's probabilities along a dataset's completions get into a file that a student is trained with: the vocabulary
// that both share, and what is asked of each row.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { refOf, type SizedCard } from '../../src/domain/model.ts'
import type { Traceable, Traced, TraceOptions } from '../../src/engine/generation/generator.ts'
import { findAnswerEnd } from '../../src/engine/tokenizers/answer-end.ts'
import { pruneTokenizer, type PrunedTokenizer } from '../../src/engine/tokenizers/prune-tokenizer.ts'
import {
  END_TOKEN,
  messagesOf,
  STUDENT_SPECIALS,
  textsOfExample,
} from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TraceRequest, TraceSummary } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { fillTrace } from './stored-trace.ts'

/** What is needed of a loaded teacher. */
export interface TracingTeacher {
  readonly description: { readonly card: SizedCard }
  readonly tokenizer: TextTokenizer
  trace(
    requests: readonly Traceable[],
    options: TraceOptions,
    hooks: { signal: AbortSignal; onResult: (result: Traced) => void },
  ): Promise<unknown>
}

export async function traceDataset(
  teacher: TracingTeacher,
  { projectId, datasetId, choices: asked, temperature, hidden = false }: TraceRequest,
  call: Call<{ done: number; total: number }>,
  db: Database,
): Promise<TraceSummary> {
  const { card } = teacher.description
  if (!card.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so it cannot be asked what else it might have answered. Load a model that was tuned for chat.`,
    )
  const rows = await listDatasetRows(db, projectId, datasetId, 'train')
  if (rows.length === 0)
    throw new RetortError(
      'ModelMissing',
      'The training rows of this dataset are not stored here any more. Freeze the rows again and train a new student.',
    )
  const shared = shareVocabulary(teacher.tokenizer, rows)
  const choices = Math.min(asked, shared.among.length)
  const trace = `${datasetId.slice(0, 16)}-${card.fingerprint}-${choices}-${temperature}${hidden ? '-hidden' : ''}.trace`
  const options = { choices, temperature, among: shared.among, hidden }
  const header = {
    choices,
    temperature,
    tokenizer: shared.files,
    ...(hidden ? { hidden: { width: card.width } } : {}),
    teacher: { name: card.name, fingerprint: card.fingerprint },
  }
  const done = await fillTrace(
    { projectId, trace, header, rows, ask: (some) => traceRows(teacher, some, shared, options, call.signal) },
    call,
  )
  return {
    trace,
    rows: done.length,
    refused: done.filter(({ ids }) => ids.length === 0).length,
    teacher: refOf(card),
  }
}

/** The vocabulary that a teacher and its student have in common. */
export interface Shared {
  readonly files: { readonly json: string; readonly config: string }
  /** The teacher's tokens that a student can write, and the student's number of each. */
  readonly among: Int32Array
  readonly studentIds: Uint16Array
  /** Where the end of an answer stands among them; −1 where the teacher has none. */
  readonly endPlace: number
}

/** Throws ModelRefused where they cannot have one. */
export function shareVocabulary(teacher: TextTokenizer, rows: readonly DatasetRow[]): Shared {
  const made = pruneTokenizer(teacher, rows.flatMap(textsOfExample))
  if (!made.ok) throw new RetortError('ModelRefused', made.sentence)
  const { tokenizerJson, tokenizerConfig, tokenizer } = made.pruned
  if (tokenizer.vocabularySize > 65_536)
    throw new RetortError(
      'ModelRefused',
      `These rows use ${tokenizer.vocabularySize.toLocaleString('en')} of the teacher’s tokens, and a student can share 65,536. Train on fewer rows, or on the texts alone.`,
    )
  const pairs = pairTokens(made.pruned, findAnswerEnd(teacher))
  return {
    files: { json: JSON.stringify(tokenizerJson), config: JSON.stringify(tokenizerConfig) },
    among: Int32Array.from(pairs, ([theirs]) => theirs),
    studentIds: Uint16Array.from(pairs, ([, ours]) => ours),
    endPlace: pairs.findIndex(([, ours]) => ours === STUDENT_SPECIALS.indexOf(END_TOKEN)),
  }
}

/** Tokens that both have: those of texts, and the end of an answer. */
function pairTokens(
  { teacherIds }: PrunedTokenizer,
  teacherEnd: number | undefined,
): [theirs: number, ours: number][] {
  const pairs = [...teacherIds].flatMap((theirs, ours): [number, number][] =>
    theirs < 0 ? [] : [[theirs, ours]],
  )
  return teacherEnd === undefined ? pairs : [...pairs, [teacherEnd, STUDENT_SPECIALS.indexOf(END_TOKEN)]]
}

/** The rows traced, in their order. */
export async function traceRows(
  teacher: Pick<TracingTeacher, 'tokenizer' | 'trace'>,
  rows: readonly DatasetRow[],
  { studentIds }: Shared,
  options: TraceOptions,
  signal: AbortSignal,
): Promise<TeacherRow[]> {
  const { tokenizer } = teacher
  const requests = rows.map((row, i): Traceable => ({
    id: String(i),
    prompt: tokenizer.encode(tokenizer.renderChat(messagesOf(row), { addGenerationPrompt: true })),
    answer: tokenizer.encode(row.completion, { special: false, continues: true }),
  }))
  const results = new Map<string, Traced>()
  await teacher.trace(requests, options, {
    signal,
    onResult: (result) => void results.set(result.id, result),
  })
  return requests.map(({ id, answer }) => {
    const traced = results.get(id)
    return {
      choices: options.choices,
      ids: Uint16Array.from(traced?.places ?? [], (place) => studentIds[place] ?? 0),
      probabilities: traced?.probabilities ?? new Float32Array(0),
      ...(traced?.hidden
        ? { hidden: { width: traced.hidden.length / (answer.length + 1), directions: traced.hidden } }
        : {}),
    }
  })
}
