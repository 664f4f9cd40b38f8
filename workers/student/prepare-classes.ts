// Knows: how the rows of a dataset become what a classifier trains on: prompts, the number of each one's class, the teacher's shares of
// the classes; and what there is to say of them.
// Must not know: losses, steps, where rows are stored.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { ClassTrainSettings } from '../../src/domain/student.ts'
import { messagesOf, renderStudentPrompt } from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { LEAST_PROBABILITY } from '../../src/engine/training/distillation.ts'
import {
  packRows,
  type PackedRow,
  type TeacherRow,
  type TokenRow,
} from '../../src/engine/training/packing.ts'
import { classOf, findClasses, tellClasses } from '../../src/pipeline/training/find-classes.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { breathe } from './breathe.ts'
import type { PreparedRows, TaughtRow } from './prepare-rows.ts'

/** Held-out rows that are asked at most at each look. */
const MOST_HELD_OUT = 512
const ROWS_A_BREATH = 128
/** Of all answers together: below it the teacher would not have answered with a label, and its shares say little. */
const LEAST_MASS = 0.01

export interface PreparedClasses extends PreparedRows {
  /** Names of the classes, in the order of their numbers. */
  readonly classes: readonly string[]
  readonly remarks: readonly string[]
  /** Held-out rows of a class that no training row has: it answers them wrongly, whatever it answers. */
  readonly unanswerable: number
}

/** Refuses rows that have no classes, and where fewer than two prompts fit the context. A prompt is never cut: what it ends with may be what counts. */
export async function prepareClasses(
  split: { train: readonly TaughtRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  { context }: Pick<ClassTrainSettings, 'context'>,
  signal: AbortSignal,
): Promise<PreparedClasses> {
  const found = findClasses(split.train)
  if (!found.ok)
    throw new RetortError('ModelRefused', found.problems[0]?.sentence ?? 'The rows have no classes.')
  const classes = found.value.map(({ name }) => name)
  const numbers = new Map(classes.map((name, i) => [name, i]))
  const tokenise = async (rows: readonly TaughtRow[]): Promise<TokenRow[]> => {
    const out: TokenRow[] = []
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_A_BREATH === ROWS_A_BREATH - 1) await breathe()
      signal.throwIfAborted()
      const number = numbers.get(classOf(row.completion))
      const [taught] = row.teachers ?? []
      const teacher = taught && number !== undefined ? sharesOf(taught, number) : undefined
      out.push({
        prompt: renderStudentPrompt(tokenizer, messagesOf(row)),
        completion: number === undefined ? [] : [number],
        ...(teacher ? { teacher } : {}),
      })
    }
    return out
  }
  const train = packRows(await tokenise(split.train), context)
  const asked = split.heldOut.slice(0, MOST_HELD_OUT)
  const known = asked.filter(({ completion }) => numbers.has(classOf(completion)))
  const heldOut = packRows(await tokenise(known), context)
  if (train.rows.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.rows.length === 1 ? 'only one fits' : 'none fits'} a context of ${context} tokens: their prompts are longer. Raise the context in the recipe's train step, or shorten the prompts.`,
    )
  const unanswerable = asked.length - known.length
  const remarks = [
    `It tells ${tellClasses(found.value)}.`,
    ...(unanswerable > 0
      ? [
          `${unanswerable} of ${asked.length} held-out rows ${unanswerable === 1 ? 'has' : 'have'} a completion that no training row has: it cannot answer ${unanswerable === 1 ? 'that one' : 'those'} rightly, and they count as wrong.`,
        ]
      : []),
    ...remarkTeacher(split.train, numbers),
  ]
  return {
    train: train.rows,
    heldOut: heldOut.rows,
    cutRows: 0,
    leftOutRows: train.leftOut,
    classes,
    remarks,
    unanswerable,
  }
}

/** The number of the class of a row that is packed for a classifier. */
export const numberOf = ({ tokens }: PackedRow): number => tokens.at(-1) ?? 0
/** What it reads. */
export const promptOf = ({ tokens }: PackedRow): number[] => [...tokens.subarray(0, -1)]

const isUnread = ({ ids }: TeacherRow): boolean => ids.length === 0

/** The teacher's shares as a loss takes them; the row's own class alone where the teacher could not be asked. */
function sharesOf(teacher: TeacherRow, number: number): TeacherRow {
  const { choices, probabilities } = teacher
  const shares = Float32Array.from({ length: choices + 1 }, (_, i) =>
    Math.max(
      LEAST_PROBABILITY,
      isUnread(teacher) ? Number(i === number) : i === choices ? 0 : (probabilities[i] ?? 0),
    ),
  )
  return { choices, ids: Uint16Array.from({ length: choices }, (_, i) => i), probabilities: shares }
}

/** What the teacher's own answers were like: nothing of them is left out in silence. */
function remarkTeacher(rows: readonly TaughtRow[], numbers: ReadonlyMap<string, number>): string[] {
  const taught = rows.flatMap(({ teachers: [teacher] = [], completion }) =>
    teacher ? [{ teacher, number: numbers.get(classOf(completion)) ?? -1 }] : [],
  )
  if (taught.length === 0) return []
  const unread = taught.filter(({ teacher }) => isUnread(teacher)).length
  const read = taught.filter(({ teacher }) => !isUnread(teacher))
  const otherwise = read.filter(
    ({ teacher: { choices, probabilities }, number }) =>
      likeliestOf(probabilities.subarray(0, choices)) !== number,
  ).length
  const elsewhere = read.filter(
    ({ teacher: { probabilities } }) => 1 - (probabilities.at(-1) ?? 0) < LEAST_MASS,
  ).length
  return [
    ...(otherwise > 0
      ? [
          `In ${otherwise} of ${read.length} training rows the teacher finds another class likelier than the row’s own.`,
        ]
      : []),
    ...(elsewhere > 0
      ? [
          `In ${elsewhere} of ${read.length} training rows the teacher gives all classes together less than ${100 * LEAST_MASS} %: left to itself it would have written something else, so its shares there say little. Ask for the label in the prompt.`,
        ]
      : []),
    ...(unread > 0
      ? [
          `${unread} of ${taught.length} training rows did not fit the teacher’s context; they are learned from their own class alone.`,
        ]
      : []),
  ]
}

/** The place of the largest value, the first of equal ones. */
export const likeliestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((best, value, i, all) => (value > (all[best] ?? -Infinity) ? i : best), 0)
