// Knows: how the rows of a dataset become what a student trains on: tokenizer, tokens, packed rows, and what was lost on the way.
// Must not know: weights, sessions, where rows are kept.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { TextTrainSettings, TrainSettings } from '../../src/domain/student.ts'
import {
  messagesOf,
  STUDENT_SPECIALS,
  trainStudentTokenizer,
  type StudentTokenizerFiles,
} from '../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import {
  packRows,
  type PackedRow,
  type TeacherRow,
  type TokenRow,
} from '../../src/engine/training/packing.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { breathe } from './breathe.ts'
import { renderAsStudent, type Rendering } from './rendering.ts'

/** Held-out rows that are measured at most: enough for a steady mean, and quick. */
const MOST_HELD_OUT = 256
/** Rows that are tokenised between two looks at the messages. */
const ROWS_A_BREATH = 128

export interface PreparedRows {
  readonly train: readonly PackedRow[]
  readonly heldOut: readonly PackedRow[]
  readonly cutRows: number
  readonly leftOutRows: number
}

export interface PreparedTexts extends PreparedRows {
  /** Of each training row, its place among those given. */
  readonly sources: readonly number[]
}

/** A row, with what the teachers would have said along its completion. */
export type TaughtRow = DatasetRow & { readonly teachers?: readonly TeacherRow[] }

/** Splits the rows, gives the training ones the teachers' sides where there are some, and refuses a dataset that cannot teach: the sentences say why and what to do. */
export function splitRows(
  rows: readonly DatasetRow[] | undefined,
  taught?: readonly (readonly TeacherRow[])[],
): { train: TaughtRow[]; heldOut: DatasetRow[] } {
  if (!rows)
    throw new RetortError(
      'ModelMissing',
      'The dataset of this student is not stored here any more. Freeze the rows again and train a new student.',
    )
  const training = rows.filter((row) => row.split === 'train')
  if (taught?.some(({ length }) => length !== training.length))
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored probabilities are not those of this dataset. Load the teacher and train a new student.',
    )
  const train = training.map((row, i): TaughtRow =>
    taught ? { ...row, teachers: taught.map((said) => said[i] as TeacherRow) } : row,
  )
  const heldOut = rows.filter((row) => row.split === 'held-out')
  if (train.length === 0)
    throw new RetortError(
      'ModelRefused',
      `The dataset has no training row${heldOut.length ? `: all ${heldOut.length} are held out` : ''}. Keep more rows or hold out a smaller share, and freeze again.`,
    )
  if (train.length === 1)
    throw new RetortError(
      'ModelRefused',
      'The dataset has one training row, and one row teaches nothing but itself. Keep more rows and freeze again.',
    )
  return { train, heldOut }
}

/** Learns the vocabulary from the training rows alone. `note` says where the texts gave fewer entries than were asked for. */
export function learnTokenizer(
  train: readonly DatasetRow[],
  settings: Pick<TextTrainSettings, 'vocabulary'>,
): { files: StudentTokenizerFiles; tokenizer: TextTokenizer; note?: string } {
  const least = STUDENT_SPECIALS.length + 256
  if (settings.vocabulary < least)
    throw new RetortError(
      'ModelRefused',
      `A vocabulary of ${settings.vocabulary} entries is too small: the ${STUDENT_SPECIALS.length} special tokens and 256 bytes alone take ${least}. Raise it in the recipe's train step.`,
    )
  const texts = function* (): Generator<string> {
    for (const { system, prompt, completion } of train) {
      if (system) yield system
      yield prompt
      yield completion
    }
  }
  const { tokenizer, ...files } = trainStudentTokenizer(texts(), settings.vocabulary)
  const found = tokenizer.vocabularySize
  return {
    files,
    tokenizer,
    ...(found < settings.vocabulary
      ? {
          note: `The texts gave ${found} tokens of the ${settings.vocabulary} asked for; the vocabulary is that small.`,
        }
      : {}),
  }
}

/** Tokenises and packs all rows; lets messages in on the way. Refuses where no completion fits the context. */
export async function prepareRows(
  split: { train: readonly TaughtRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: TrainSettings,
  signal: AbortSignal,
  rendering: Rendering = renderAsStudent(tokenizer),
): Promise<PreparedTexts> {
  const tokenise = async (rows: readonly TaughtRow[]): Promise<TokenRow[]> => {
    const out: TokenRow[] = []
    for (const [i, { system, prompt, completion, teachers }] of rows.entries()) {
      if (i % ROWS_A_BREATH === ROWS_A_BREATH - 1) await breathe()
      signal.throwIfAborted()
      const { ids, border } = rendering.example({ system, prompt, completion })
      const answer = ids.slice(border)
      // What no teacher could be asked teaches nothing; neither would a row that is cut otherwise than the teacher cuts it.
      const said = teachers?.map((one) => (one.ids.length === answer.length * one.choices ? one : undefined))
      const teacher = said?.find((one) => one !== undefined)
      const isTaught = said === undefined || teacher !== undefined
      out.push({
        prompt: ids.slice(0, border),
        completion: isTaught ? answer : [],
        ...(teacher ? { teacher } : {}),
        ...(teacher && said && said.length > 1 ? { teachers: said } : {}),
      })
    }
    return out
  }
  const train = packRows(await tokenise(split.train), settings.context)
  const heldOut = packRows(await tokenise(split.heldOut.slice(0, MOST_HELD_OUT)), settings.context)
  if (train.rows.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.rows.length === 1 ? 'only one fits' : 'none fits'} a context of ${settings.context} tokens: their prompts alone are longer. Raise the context in the recipe's train step, or shorten the prompts.`,
    )
  return {
    train: train.rows,
    sources: train.sources,
    heldOut: heldOut.rows,
    cutRows: train.cut,
    leftOutRows: train.leftOut,
  }
}

/** Prompts to write samples for: the first held-out ones that leave room for an answer, else training ones. */
export function chooseSamplePrompts(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  rendering: Rendering,
  context: number,
): { prompt: string; tokens: number[] }[] {
  const chosen: { prompt: string; tokens: number[] }[] = []
  for (const row of [...split.heldOut, ...split.train]) {
    if (chosen.length === 3) break
    const tokens = rendering.prompt(messagesOf(row))
    if (tokens.length < context && !chosen.some(({ prompt }) => prompt === row.prompt))
      chosen.push({ prompt: row.prompt, tokens })
  }
  return chosen
}
