// Knows: what a student needs of the teachers whose probabilities it learns: the stored distributions and the one vocabulary they are in,
// or the classes they are of.
import {
  asksTeacher,
  learnsClasses,
  learnsFromHidden,
  learnsFromProbabilities,
  needsTeacher,
  type TrainSettings,
} from '../../src/domain/student.ts'
import { tokenizerFromJson } from '../../src/engine/tokenizers/json-tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { LEAST_PROBABILITY } from '../../src/engine/training/distillation.ts'
import { readTraceFile, type TraceFile, type TraceHeader } from '../../src/engine/training/trace-file.ts'
import { refuseWidths } from '../../src/pipeline/training/hidden-widths.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TrainRequest } from '../../src/protocol/student.ts'
import type { StudentStores } from './stores.ts'

export interface Taught {
  /** Of each teacher one for each training row, in order. */
  readonly rows: readonly (readonly TeacherRow[])[]
  /** Of each teacher. */
  readonly weights: readonly number[]
  /** Names of the classes that they are shares of, where they are no tokens. */
  readonly labels?: readonly string[]
  /** Absent where the student has words of its own. */
  readonly words?: {
    readonly tokenizer: TextTokenizer
    readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
  }
}

/**
 * Undefined for a loss that needs no teacher. Throws ModelMissing where a file is gone, and ModelRefused where one cannot be used or
 * where several do not go together: they must share their vocabulary, and be of the settings' temperature and equally many tokens.
 */
export async function readTaught(
  { projectId, settings, trace, teachers }: TrainRequest,
  stores: StudentStores,
): Promise<Taught | undefined> {
  if (!needsTeacher(settings)) return undefined
  const named = teachers ?? (trace === undefined ? [] : [{ trace, weight: 1 }])
  if (named.length === 0) throw new RetortError('ModelMissing', GONE)
  const shares = named.filter(({ weight }) => weight !== 0)
  if (shares.length === 0 || !shares.every(({ weight }) => weight > 0 && Number.isFinite(weight)))
    throw new RetortError(
      'ModelRefused',
      'The weights of a student’s teachers must be numbers of at least 0, and one of them above it. Set them on the Student screen, and train a new student.',
    )
  const files: TraceFile[] = []
  for (const share of shares) files.push(await readOne(projectId, share.trace, stores))
  const [first] = files as [TraceFile, ...TraceFile[]]
  const weights = shares.map(({ weight }) => weight)
  if (learnsClasses(settings)) {
    if (first.header.labels === undefined)
      throw new RetortError(
        'ModelRefused',
        'The teacher’s stored answers cannot be used: they are not of classes. Load the teacher and train a new student.',
      )
    return { rows: files.map(({ rows }) => rows), weights, labels: first.header.labels }
  }
  for (const { header } of files) checkHeader(header, first.header, settings)
  const words = readWords(first.header.tokenizer)
  if (
    files.some(({ rows }) => rows.some(({ ids }) => ids.some((id) => id >= words.tokenizer.vocabularySize)))
  )
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored answers cannot be used: they name tokens that the vocabulary does not have. Load the teacher and train a new student.',
    )
  return {
    rows: files.map(({ rows }) => rows.map((row) => raiseLeast(row, looksAtHidden(settings)))),
    weights,
    words,
  }
}

const GONE =
  'The teacher’s probabilities that this student learns from are not stored here any more. Load the teacher and train a new student.'

async function readOne(
  projectId: TrainRequest['projectId'],
  trace: string,
  stores: StudentStores,
): Promise<TraceFile> {
  const bytes = await stores.readTrace(projectId, trace)
  if (!bytes) throw new RetortError('ModelMissing', GONE)
  const read = readTraceFile(bytes)
  if (!read.ok) throw new RetortError('ModelRefused', read.sentence)
  const { header, rows } = read.file
  if (rows.length < header.rows)
    throw new RetortError(
      'ModelRefused',
      `The teacher’s stored answers cannot be used: ${rows.length} of ${header.rows} rows are there. Load the teacher and train a new student.`,
    )
  return read.file
}

/** A file's header against that of the first and against the settings. Throws ModelRefused. */
function checkHeader(header: TraceHeader, first: TraceHeader, settings: TrainSettings): void {
  if (!asksTeacher(settings)) return
  const { temperature } = settings
  const [one, other] = [nameOf(first), nameOf(header)]
  const refuse = (why: string): never => {
    throw new RetortError(
      'ModelRefused',
      `${why} Give one of them the weight 0 on the Student screen, or load and ask it anew with the same settings.`,
    )
  }
  if (header.temperature !== temperature)
    throw new RetortError(
      'ModelRefused',
      `The stored probabilities of ${other} were taken at temperature ${header.temperature}, and this student learns at ${temperature}. Set the temperature to ${header.temperature}, or load the teacher and ask it anew.`,
    )
  if (header.choices !== first.choices)
    refuse(
      `Of ${one} the ${first.choices} likeliest tokens are stored and of ${other} ${header.choices}: a student cannot learn from both at once.`,
    )
  if (header.tokenizer.json !== first.tokenizer.json)
    throw new RetortError(
      'ModelRefused',
      `${one} and ${other} have different vocabularies, and a student can share only one. Give one of them the weight 0 on the Student screen.`,
    )
  if (!looksAtHidden(settings)) return
  if (!header.hidden)
    throw new RetortError(
      'ModelRefused',
      `The hidden states of ${other} were not stored with its probabilities. Load it and train a new student, which asks it for them, or set the weight of the hidden states to 0.`,
    )
  const unequal = refuseWidths(settings.preset, { name: other, width: header.hidden.width })
  if (unequal !== undefined) throw new RetortError('ModelRefused', unequal)
}
const looksAtHidden = (settings: TrainSettings): boolean =>
  learnsFromProbabilities(settings) && learnsFromHidden(settings)
const nameOf = ({ teacher }: TraceHeader): string => teacher?.name ?? 'a teacher without a name'

function readWords({
  json,
  config,
}: {
  readonly json: string
  readonly config: string
}): NonNullable<Taught['words']> {
  try {
    const [tokenizerJson, tokenizerConfig]: unknown[] = [JSON.parse(json), JSON.parse(config)]
    return {
      tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig),
      tokenizerFiles: { tokenizerJson, tokenizerConfig },
    }
  } catch (thrown) {
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored answers cannot be used: their vocabulary is broken. Load the teacher and train a new student.',
      { cause: thrown },
    )
  }
}

/** No probability stays so small that its logarithm would rule a loss. Hidden states that are not learned from are not carried along. */
export const raiseLeast = ({ hidden, ...row }: TeacherRow, usesHidden = false): TeacherRow => ({
  ...row,
  probabilities: row.probabilities.map((probability) => Math.max(probability, LEAST_PROBABILITY)),
  ...(hidden && usesHidden ? { hidden } : {}),
})
