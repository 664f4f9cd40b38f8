// Knows: how the rows of a dataset become training data: tokenizer, tokens, packed rows, and how many were truncated or skipped.
// Must not know: weights, sessions, where rows are stored.
import type { DatasetRow } from '../../src/domain/dataset.ts'
import type { CommonTrainSettings } from '../../src/domain/student.ts'
import {
  messagesOf,
  STUDENT_SPECIALS,
  trainStudentTokenizer,
  type StudentTokenizerFiles,
} from '../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import {
  packRows,
  type PackedRow,
  type TeacherRow,
  type TokenRow,
} from '../../src/engine/training/packing.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { AssistantTurns } from '../../src/pipeline/training/losses/loss.ts'
import { ConversationCounts, fitConversation } from './fit-conversation.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import { renderAsStudent, type Rendering } from './rendering.ts'

/** Maximum number of held-out rows in an evaluation: enough for a stable mean, and fast. */
const MAX_HELD_OUT = 256
/** Rows tokenized between two yields to messages. */
const ROWS_PER_YIELD = 128

export interface PreparedRows {
  readonly train: readonly PackedRow[]
  readonly heldOut: readonly PackedRow[]
  readonly truncatedRows: number
  readonly skippedRows: number
  /** Sentences about the rows. */
  readonly notes?: readonly string[]
}

export interface PreparedTexts extends PreparedRows {
  /** Index of each training row among those passed in. */
  readonly sources: readonly number[]
  /** The training rows passed in, long conversations without their first turns. */
  readonly fitted: readonly DatasetRow[]
}

/** A row with the teachers' soft targets along its completion. */
export type RowWithTeachers = DatasetRow & { readonly teachers?: readonly TeacherRow[] }

/** Splits the rows, adds soft targets to the training rows if there are any, and throws ModelMissing or ModelRefused for a dataset that cannot be trained on. */
export function splitRows(
  rows: readonly DatasetRow[] | undefined,
  softTargets?: readonly (readonly TeacherRow[])[],
): { train: RowWithTeachers[]; heldOut: DatasetRow[] } {
  if (!rows)
    throw new RetortError(
      'ModelMissing',
      'The dataset of this student is no longer stored. Freeze the rows again and train a new student.',
    )
  const training = rows.filter((row) => row.split === 'train')
  if (softTargets?.some(({ length }) => length !== training.length))
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored soft targets do not belong to this dataset. Load the teacher and train a new student.',
    )
  const train = training.map((row, i): RowWithTeachers =>
    softTargets
      ? { ...row, teachers: softTargets.map((rowsOfTeacher) => rowsOfTeacher[i] as TeacherRow) }
      : row,
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
      'The dataset has one training row, and training needs at least two. Keep more rows and freeze again.',
    )
  return { train, heldOut }
}

/** Learns the vocabulary from the training rows alone. `note` reports a vocabulary smaller than the settings. */
export function learnTokenizer(
  train: readonly DatasetRow[],
  settings: { readonly vocabulary: number },
): { files: StudentTokenizerFiles; tokenizer: TextTokenizer; note?: string } {
  const min = STUDENT_SPECIALS.length + 256
  if (settings.vocabulary < min)
    throw new RetortError(
      'ModelRefused',
      `A vocabulary of ${settings.vocabulary} entries is too small: the ${STUDENT_SPECIALS.length} special tokens and 256 bytes alone take ${min}. Raise it in the recipe's train step.`,
    )
  const texts = function* (): Generator<string> {
    for (const { completion, ...row } of train) {
      for (const { content } of messagesOf(row)) yield content
      yield completion
    }
  }
  const { tokenizer, ...files } = trainStudentTokenizer(texts(), settings.vocabulary)
  const size = tokenizer.vocabularySize
  return {
    files,
    tokenizer,
    ...(size < settings.vocabulary
      ? {
          note: `The vocabulary has ${size} tokens, not ${settings.vocabulary}: the texts do not yield more.`,
        }
      : {}),
  }
}

/** Tokenizes and packs all rows; yields to messages in between. Throws ModelRefused if no completion fits the context. */
export async function prepareRows(
  split: { train: readonly RowWithTeachers[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: Pick<CommonTrainSettings, 'context'>,
  signal: AbortSignal,
  rendering: Rendering = renderAsStudent(tokenizer),
  turns: AssistantTurns = 'last',
): Promise<PreparedTexts> {
  const counts = new ConversationCounts()
  const fitted: DatasetRow[] = []
  const tokenize = async (rows: readonly RowWithTeachers[], isTraining: boolean): Promise<TokenRow[]> => {
    const out: TokenRow[] = []
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_PER_YIELD === ROWS_PER_YIELD - 1) await yieldToMessages()
      signal.throwIfAborted()
      const rendered = counts.tryRender(row, () => {
        const used = fitConversation(row, (one) => rendering.example(one).ids.length <= settings.context + 1)
        return { used, ...rendering.example(used, turns) }
      })
      if (isTraining) fitted.push(rendered?.used ?? row)
      if (rendered === undefined) {
        out.push({ prompt: [], completion: [] })
        continue
      }
      const { used, ids, promptLength, targets, unmarked = 0 } = rendered
      counts.addFitted<DatasetRow>(row, used)
      counts.addUnmarked(unmarked)
      const { teachers } = row
      const completionIds = ids.slice(promptLength)
      // A row without soft targets is not trained on; neither is a row that the teacher tokenized differently.
      const usable = teachers?.map((one) =>
        one.ids.length === completionIds.length * one.topK ? one : undefined,
      )
      const teacher = usable?.find((one) => one !== undefined)
      const isTrained = usable === undefined || teacher !== undefined
      out.push({
        prompt: ids.slice(0, promptLength),
        completion: isTrained ? completionIds : [],
        ...(targets && isTrained ? { targets } : {}),
        ...(teacher ? { teacher } : {}),
        ...(teacher && usable && usable.length > 1 ? { teachers: usable } : {}),
      })
    }
    return out
  }
  const train = packRows(await tokenize(split.train, true), settings.context)
  const heldOut = packRows(await tokenize(split.heldOut.slice(0, MAX_HELD_OUT), false), settings.context)
  if (train.rows.length < 2)
    throw new RetortError(
      'ModelRefused',
      `Of ${split.train.length} training rows ${train.rows.length === 1 ? 'only one fits' : 'none fits'} a context of ${settings.context} tokens: their prompts alone are longer. Raise the context in the recipe's train step, or shorten the prompts.`,
    )
  const notes = counts.notes(settings.context)
  return {
    train: train.rows,
    sources: train.sources,
    fitted,
    ...(notes.length > 0 ? { notes } : {}),
    heldOut: heldOut.rows,
    truncatedRows: train.truncated,
    skippedRows: train.skipped,
  }
}

/** Prompts for samples: the first held-out ones that leave room for a completion, else training ones. */
export function chooseSamplePrompts(
  split: { train: readonly DatasetRow[]; heldOut: readonly DatasetRow[] },
  rendering: Rendering,
  context: number,
): { prompt: string; expected: string; tokens: number[] }[] {
  const chosen: { prompt: string; expected: string; tokens: number[] }[] = []
  for (const row of [...split.heldOut, ...split.train]) {
    if (chosen.length === 3) break
    const tokens = rendering.prompt(messagesOf(row))
    if (tokens.length < context && !chosen.some(({ prompt }) => prompt === row.prompt))
      chosen.push({ prompt: row.prompt, expected: row.completion.trim(), tokens })
  }
  return chosen
}
