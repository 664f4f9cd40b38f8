// Knows: how the rows of a dataset become a classifier's training data: prompts, class numbers, the teacher's class probabilities; and the
// notes about them.
// Must not know: losses, steps, where rows are stored.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { CommonTrainSettings } from '../../src/domain/student.ts'
import { messagesOf, renderStudentPrompt } from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { MIN_PROBABILITY } from '../../src/engine/training/distillation.ts'
import {
  packRows,
  type PackedRow,
  type TeacherRow,
  type TokenRow,
} from '../../src/engine/training/packing.ts'
import { classOf, findClasses, describeClasses } from '../../src/pipeline/training/find-classes.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { ConversationCounts, fitConversation } from './fit-conversation.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import type { PreparedRows, RowWithTeachers } from './prepare-rows.ts'

/** Maximum number of held-out rows in an evaluation. */
const MAX_HELD_OUT = 512
const ROWS_PER_YIELD = 128
/** Minimum mass of all classes together: below it the teacher would not have answered with a label, and its class probabilities mean little. */
const MIN_MASS = 0.01

export interface PreparedClasses extends PreparedRows {
  /** Names of the classes, in the order of their numbers. */
  readonly classes: readonly string[]
  readonly notes: readonly string[]
  /** Held-out rows of a class that no training row has: every prediction for them is wrong. */
  readonly unknownClassRows: number
  /** The dataset's row of each held-out row, and the rows of an unknown class. */
  readonly heldOutRows: readonly DatasetRow[]
  readonly unknownRows: readonly DatasetRow[]
}

/** Throws ModelRefused if the rows have no classes or fewer than two prompts fit the context. A prompt is never truncated: its end may decide the class. */
export async function prepareClasses(
  split: { train: readonly RowWithTeachers[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  { context }: Pick<CommonTrainSettings, 'context'>,
  signal: AbortSignal,
): Promise<PreparedClasses> {
  const found = findClasses(split.train)
  if (!found.ok)
    throw new RetortError('ModelRefused', found.problems[0]?.sentence ?? 'The rows have no classes.')
  const classes = found.value.map(({ name }) => name)
  const numbers = new Map(classes.map((name, i) => [name, i]))
  const counts = new ConversationCounts()
  const tokenize = async (rows: readonly RowWithTeachers[]): Promise<TokenRow[]> => {
    const out: TokenRow[] = []
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_PER_YIELD === ROWS_PER_YIELD - 1) await yieldToMessages()
      signal.throwIfAborted()
      const number = numbers.get(classOf(row.completion))
      const fitted = fitConversation(
        row,
        (one) => renderStudentPrompt(tokenizer, messagesOf(one)).length <= context,
      )
      counts.addFitted(row, fitted)
      const [softTargets] = row.teachers ?? []
      const teacher =
        softTargets && number !== undefined ? classProbabilities(softTargets, number) : undefined
      out.push({
        prompt: renderStudentPrompt(tokenizer, messagesOf(fitted)),
        completion: number === undefined ? [] : [number],
        ...(teacher ? { teacher } : {}),
      })
    }
    return out
  }
  const train = packRows(await tokenize(split.train), context)
  const sampled = split.heldOut.slice(0, MAX_HELD_OUT)
  const known = sampled.filter(({ completion }) => numbers.has(classOf(completion)))
  const heldOut = packRows(await tokenize(known), context)
  if (train.rows.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.rows.length === 1 ? 'only one fits' : 'none fits'} a context of ${context} tokens: their prompts are longer. Raise the context in the recipe's train step, or shorten the prompts.`,
    )
  const unknownClassRows = sampled.length - known.length
  const notes = [
    `The student distinguishes ${describeClasses(found.value)}.`,
    ...(unknownClassRows > 0
      ? [
          `${unknownClassRows} of ${sampled.length} held-out rows ${unknownClassRows === 1 ? 'has' : 'have'} a completion that no training row has: the student cannot get ${unknownClassRows === 1 ? 'that one' : 'those'} right, and they count as wrong.`,
        ]
      : []),
    ...describeTeacher(split.train, numbers),
    ...counts.notes(context),
  ]
  return {
    train: train.rows,
    heldOut: heldOut.rows,
    truncatedRows: 0,
    skippedRows: train.skipped,
    classes,
    notes,
    unknownClassRows,
    heldOutRows: heldOut.sources.flatMap((i) => known[i] ?? []),
    unknownRows: sampled.filter(({ completion }) => !numbers.has(classOf(completion))),
  }
}

/** The number of the class of a row that is packed for a classifier. */
export const classNumberOf = ({ tokens }: PackedRow): number => tokens.at(-1) ?? 0
/** The prompt of such a row. */
export const promptOf = ({ tokens }: PackedRow): number[] => [...tokens.subarray(0, -1)]

const isMissing = ({ ids }: TeacherRow): boolean => ids.length === 0

/** The teacher's class probabilities in the form of the loss; the row's own class if the prompt did not fit the teacher's context. */
function classProbabilities(teacher: TeacherRow, number: number): TeacherRow {
  const { topK, probabilities } = teacher
  const clamped = Float32Array.from({ length: topK + 1 }, (_, i) =>
    Math.max(
      MIN_PROBABILITY,
      isMissing(teacher) ? Number(i === number) : i === topK ? 0 : (probabilities[i] ?? 0),
    ),
  )
  return { topK, ids: Uint16Array.from({ length: topK }, (_, i) => i), probabilities: clamped }
}

/** Notes about the teacher's class probabilities: where it disagrees with labels, and where they mean little or are missing. */
function describeTeacher(rows: readonly RowWithTeachers[], numbers: ReadonlyMap<string, number>): string[] {
  const withTeacher = rows.flatMap(({ teachers: [teacher] = [], completion }) =>
    teacher ? [{ teacher, number: numbers.get(classOf(completion)) ?? -1 }] : [],
  )
  if (withTeacher.length === 0) return []
  const missing = withTeacher.filter(({ teacher }) => isMissing(teacher)).length
  const scored = withTeacher.filter(({ teacher }) => !isMissing(teacher))
  const disagreeing = scored.filter(
    ({ teacher: { topK, probabilities }, number }) => argmax(probabilities.subarray(0, topK)) !== number,
  ).length
  const lowMass = scored.filter(
    ({ teacher: { probabilities } }) => 1 - (probabilities.at(-1) ?? 0) < MIN_MASS,
  ).length
  return [
    ...(disagreeing > 0
      ? [
          `In ${disagreeing} of ${scored.length} training rows the teacher’s most likely class is not the row’s own.`,
        ]
      : []),
    ...(lowMass > 0
      ? [
          `In ${lowMass} of ${scored.length} training rows the teacher’s probabilities of all classes sum to less than ${100 * MIN_MASS} %: it would have generated something else, so they mean little. Request the label in the prompt.`,
        ]
      : []),
    ...(missing > 0
      ? [
          `${missing} of ${withTeacher.length} training rows did not fit the teacher’s context; the student learns them from their own class alone.`,
        ]
      : []),
  ]
}

/** Index of the largest value, the first of equal ones. */
export const argmax = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((best, value, i, all) => (value > (all[best] ?? -Infinity) ? i : best), 0)
