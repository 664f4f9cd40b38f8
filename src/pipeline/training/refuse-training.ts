// Knows: why a training cannot start, as far as it can be known beforehand, in one wording for the page and for what starts it.
// Must not know: stores, screens, errors.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { Backend } from '../../domain/machine.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import {
  learnsClasses,
  learnsFromPairs,
  learnsFromProbabilities,
  learnsFromRewards,
  learnsFromSides,
  needsSoftTargets,
  startsFromStudent,
  trainsAdapters,
  type Student,
  type TrainSettings,
} from '../../domain/student.ts'
import { refuseAdapterTraining } from './adapter-memory.ts'
import type { RowFacts } from './row-facts.ts'

/** Everything a refusal may depend on. */
export interface TrainingFacts {
  /** Undefined without a frozen dataset. */
  readonly rows: RowFacts | undefined
  readonly base?: Pick<Student, 'checkpointStep' | 'classes' | 'baseModel'> | undefined
  /** The base model of adapters; its card is undefined while it is being read. */
  readonly model?: { readonly card: ModelCard | undefined; readonly chatFormat?: ChatFormat } | undefined
  readonly teacherLoaded: boolean
  /** Teachers with a weight above 0 whose soft targets are stored. */
  readonly storedTeachers: number
  readonly backend: Backend
}

export interface TrainingRefusal {
  /** The choice on the Student screen that it concerns. */
  readonly about: 'dataset' | 'objective' | 'base' | 'model' | 'teacher'
  readonly kind:
    | 'no dataset'
    | 'too few rows'
    | 'no classes'
    | 'no pairs'
    | 'no problems'
    | 'no base student'
    | 'no model chosen'
    | 'model refused'
    | 'no teacher'
  readonly sentence: string
}

const MIN_ROWS = 2

/** The first reason why a training with these settings cannot start; undefined if none is known. */
export function refuseTraining(settings: TrainSettings, facts: TrainingFacts): TrainingRefusal | undefined {
  const { rows } = facts
  if (rows === undefined)
    return {
      about: 'dataset',
      kind: 'no dataset',
      sentence: 'Training needs a frozen dataset, and there is none. Freeze kept rows on the Dataset screen.',
    }
  if (rows.train < MIN_ROWS)
    return {
      about: 'dataset',
      kind: 'too few rows',
      sentence: `This dataset has ${rows.train === 1 ? 'one training row' : 'no training row'}, and training needs at least ${MIN_ROWS}. Keep more rows and freeze again.`,
    }
  return refuseStart(settings, facts) ?? refuseRows(settings, rows) ?? refuseTeacher(settings, facts)
}

/** What the objective needs of the rows. */
function refuseRows(settings: TrainSettings, rows: RowFacts): TrainingRefusal | undefined {
  if (learnsClasses(settings) && rows.classes !== undefined && !rows.classes.ok)
    return {
      about: 'objective',
      kind: 'no classes',
      sentence: rows.classes.problems[0]?.sentence ?? 'The rows have no classes.',
    }
  if (learnsFromSides(settings) && (rows.good < MIN_ROWS || rows.bad < MIN_ROWS))
    return {
      about: 'objective',
      kind: 'no pairs',
      sentence: `This objective learns from good and bad rows: kept rows, and rows dropped with a lower score. For training there are ${rows.good} good and ${rows.bad} bad ones, and it needs at least ${MIN_ROWS} of each. Judge the rows and keep those above a threshold, then run and freeze again.`,
    }
  if (learnsFromPairs(settings) && !learnsFromSides(settings) && rows.pairs < MIN_ROWS)
    return {
      about: 'objective',
      kind: 'no pairs',
      sentence: `This objective learns from preference pairs, but this dataset has ${rows.pairs === 0 ? 'none' : 'only one'}. Put the step “Pair the best with the worst” after the judge, generate several completions per prompt, then run and freeze again.`,
    }
  if (learnsFromRewards(settings) && rows.problems < MIN_ROWS)
    return {
      about: 'objective',
      kind: 'no problems',
      sentence: `Of ${rows.train} training rows ${rows.problems === 1 ? 'only one has' : 'none has'} a final answer that can be checked (“Answer: 12”), and this objective needs at least ${MIN_ROWS}. Freeze a run of problems with known answers, such as the example “Corner shop sums”.`,
    }
  return undefined
}

/** What it starts from. */
function refuseStart(
  settings: TrainSettings,
  { base, model, backend }: TrainingFacts,
): TrainingRefusal | undefined {
  if (startsFromStudent(settings)) {
    const refuse = (sentence: string): TrainingRefusal => ({
      about: 'base',
      kind: 'no base student',
      sentence,
    })
    if (base === undefined || base.checkpointStep === 0)
      return refuse(
        'This objective starts from a trained student, but there is none. Train one on the texts first.',
      )
    if (base.classes)
      return refuse(
        'The student to start from is a classifier and generates no text, but this objective learns from generated completions. Choose one that was trained on the texts.',
      )
    if (base.baseModel)
      return refuse(
        'The student to start from has adapters on another model, which this objective does not support. Choose one that was trained on texts.',
      )
  }
  if (!trainsAdapters(settings)) return undefined
  if (model === undefined)
    return {
      about: 'model',
      kind: 'no model chosen',
      sentence:
        'This objective fine-tunes a model that you have, but none is chosen. Store one in this browser on the Teacher screen, or use the built-in teacher.',
    }
  const { card } = model
  const sentence =
    card &&
    refuseAdapterTraining(
      card,
      { ...settings, context: Math.min(settings.context, card.contextLength ?? settings.context) },
      backend,
      model.chatFormat,
    )
  return sentence === undefined ? undefined : { about: 'model', kind: 'model refused', sentence }
}

function refuseTeacher(
  settings: TrainSettings,
  { teacherLoaded, storedTeachers }: TrainingFacts,
): TrainingRefusal | undefined {
  if (!needsSoftTargets(settings) || teacherLoaded) return undefined
  if (learnsFromProbabilities(settings) && storedTeachers > 0) return undefined
  return {
    about: 'teacher',
    kind: 'no teacher',
    sentence: `This student learns from the teacher’s probabilities, but no teacher is loaded. Load one on the Teacher screen, or ${learnsClasses(settings) ? 'set the share of the teacher to 0' : 'train on the texts only'}.`,
  }
}
