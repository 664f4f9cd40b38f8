// Knows: which objective belongs to which loss.
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
import type { References } from '../../../src/pipeline/filters/references.ts'
import type { Sides } from '../../../src/pipeline/training/sides.ts'
import type { BorrowedTeacher } from '../borrowed-teacher.ts'
import { prepareOnPolicyRows, type OnPolicyRows } from '../prepare-on-policy.ts'
import { prepareClasses, type PreparedClasses } from '../prepare-classes.ts'
import { preparePairs, type PreparedPairs } from '../prepare-pairs.ts'
import { prepareProblems, type PreparedProblems } from '../prepare-problems.ts'
import { prepareRows, type PreparedRows, type RowWithTeachers } from '../prepare-rows.ts'
import type { Rendering } from '../rendering.ts'
import type { StudentInTraining } from '../generate-completions.ts'
import { makeClassObjective } from './classes.ts'
import type { Objective } from './objective.ts'
import { makeOnPolicyObjective } from './on-policy.ts'
import { makePairObjective } from './pairs.ts'
import { makeRewardObjective, type Reference } from './rewards.ts'
import { makeTextObjective, type BatchPlan } from './texts.ts'

/** The rows in the form that the loss needs. */
export type Prepared =
  | { readonly kind: 'texts'; readonly rows: PreparedRows }
  | { readonly kind: 'pairs'; readonly rows: PreparedPairs }
  | { readonly kind: 'problems'; readonly rows: PreparedProblems }
  | { readonly kind: 'on-policy'; readonly rows: OnPolicyRows }
  | { readonly kind: 'classes'; readonly rows: PreparedClasses }

/** What some objectives need in addition to the dataset's rows. */
export interface Extras {
  /** KTO's two sides. */
  readonly sides?: Sides
  /** The answers given with seeds, by prompt. */
  readonly answers?: References
}

/** Throws ModelRefused if the loss can use too few of the rows. */
export async function prepareDataset(
  split: { train: readonly RowWithTeachers[]; heldOut: readonly DatasetRow[] },
  tokenizer: TextTokenizer,
  settings: TrainSettings,
  signal: AbortSignal,
  rendering?: Rendering,
  { sides, answers = new Map() }: Extras = {},
): Promise<Prepared> {
  if (learnsFromPairs(settings))
    return { kind: 'pairs', rows: await preparePairs(split, tokenizer, settings.context, signal, sides) }
  if (learnsFromRewards(settings))
    return {
      kind: 'problems',
      rows: await prepareProblems(split, answers, tokenizer, settings.context, signal),
    }
  if (learnsOnPolicy(settings))
    return { kind: 'on-policy', rows: await prepareOnPolicyRows(split, tokenizer, settings, signal) }
  if (learnsClasses(settings))
    return { kind: 'classes', rows: await prepareClasses(split, tokenizer, settings, signal) }
  return { kind: 'texts', rows: await prepareRows(split, tokenizer, settings, signal, rendering) }
}

export interface ObjectiveOptions extends BatchPlan {
  readonly settings: TrainSettings
  /** For an objective that generates with the student. */
  readonly student: StudentInTraining
  /** The student before this training, if the loss compares with it at every step. */
  readonly reference?: Reference
  /** The teacher, if the loss calls it during training. */
  readonly teacher?: BorrowedTeacher
}

export function openObjective(
  prepared: Prepared,
  { settings, student, reference, teacher, ...plan }: ObjectiveOptions,
): Objective {
  const batchPlan = { ...plan, settings }
  if (prepared.kind === 'pairs' && learnsFromPairs(settings))
    return makePairObjective(prepared.rows, batchPlan, settings.loss)
  if (prepared.kind === 'problems' && learnsFromRewards(settings))
    return makeRewardObjective(prepared.rows, batchPlan, {
      settings,
      student,
      ...(reference ? { reference } : {}),
    })
  if (prepared.kind === 'on-policy' && learnsOnPolicy(settings))
    return makeOnPolicyObjective(prepared.rows, batchPlan, {
      settings,
      student,
      ...(teacher ? { teacher } : {}),
    })
  if (prepared.kind === 'classes') return makeClassObjective(prepared.rows, batchPlan, student)
  return makeTextObjective(prepared.rows, batchPlan)
}
