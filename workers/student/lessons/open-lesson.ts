// Knows: which lesson goes with which loss.
// Must not know: steps, checkpoints.
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import {
  learnsClasses,
  learnsFromPairs,
  learnsFromRewards,
  learnsOnPolicy,
  type TrainSettings,
} from '../../../src/domain/student.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import type { BorrowedTeacher } from '../borrowed-teacher.ts'
import { prepareAsked, type PreparedAsked } from '../prepare-asked.ts'
import { prepareClasses, type PreparedClasses } from '../prepare-classes.ts'
import { preparePairs, type PreparedPairs } from '../prepare-pairs.ts'
import { prepareProblems, type PreparedProblems } from '../prepare-problems.ts'
import { prepareRows, type PreparedRows, type TaughtRow } from '../prepare-rows.ts'
import type { Rendering } from '../rendering.ts'
import type { AnsweringStudent } from '../write-answers.ts'
import { teachClasses } from './classes.ts'
import type { Lesson } from './lesson.ts'
import { teachOnPolicy } from './on-policy.ts'
import { teachPairs } from './pairs.ts'
import { teachByRewards, type Reference } from './rewards.ts'
import { teachTexts, type LessonPlan } from './texts.ts'

/** The rows as the loss takes them. */
export type Prepared =
  | { readonly kind: 'texts'; readonly rows: PreparedRows }
  | { readonly kind: 'pairs'; readonly rows: PreparedPairs }
  | { readonly kind: 'problems'; readonly rows: PreparedProblems }
  | { readonly kind: 'asked'; readonly rows: PreparedAsked }
  | { readonly kind: 'classes'; readonly rows: PreparedClasses }

/** Throws ModelRefused where too few rows are of any use for the loss. */
export async function prepareLesson(
  split: { train: readonly TaughtRow[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: TrainSettings,
  signal: AbortSignal,
  rendering?: Rendering,
): Promise<Prepared> {
  if (learnsFromPairs(settings))
    return { kind: 'pairs', rows: await preparePairs(split, tokenizer, settings.context, signal) }
  if (learnsFromRewards(settings))
    return { kind: 'problems', rows: await prepareProblems(split, tokenizer, settings.context, signal) }
  if (learnsOnPolicy(settings))
    return { kind: 'asked', rows: await prepareAsked(split, tokenizer, settings, signal) }
  if (learnsClasses(settings))
    return { kind: 'classes', rows: await prepareClasses(split, tokenizer, settings, signal) }
  return { kind: 'texts', rows: await prepareRows(split, tokenizer, settings, signal, rendering) }
}

export interface OpenLesson extends LessonPlan {
  readonly settings: TrainSettings
  /** For a lesson that has the student answer by itself. */
  readonly student: AnsweringStudent
  /** The student before this training, where the loss compares with it at every step. */
  readonly reference?: Reference
  /** The teacher, where the loss asks it at every step. */
  readonly teacher?: BorrowedTeacher
}

export function openLesson(
  prepared: Prepared,
  { settings, student, reference, teacher, ...plan }: OpenLesson,
): Lesson {
  const whole = { ...plan, settings }
  if (prepared.kind === 'pairs' && learnsFromPairs(settings))
    return teachPairs(prepared.rows, whole, settings.loss)
  if (prepared.kind === 'problems' && learnsFromRewards(settings))
    return teachByRewards(prepared.rows, whole, { settings, student, ...(reference ? { reference } : {}) })
  if (prepared.kind === 'asked' && learnsOnPolicy(settings))
    return teachOnPolicy(prepared.rows, whole, { settings, student, ...(teacher ? { teacher } : {}) })
  if (prepared.kind === 'classes') return teachClasses(prepared.rows, whole, student)
  return teachTexts(prepared.rows, whole)
}
