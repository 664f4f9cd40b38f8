// Knows: why a training cannot start, as far as it can be known beforehand, in one wording for the page and for what starts it.
// Must not know: stores, screens, errors.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { Backend } from '../../domain/machine.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import type { Student, TrainSettings } from '../../domain/student.ts'
import { refuseAdapterTraining } from './adapter-memory.ts'
import { lossOf, planOf } from './index.ts'
import type { LossDeclaration, TeacherNeed } from './losses/loss.ts'
import type { RowFacts } from './row-facts.ts'
import { rowKindOf, type RowRefusal } from './row-kinds.ts'

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
    | RowRefusal['kind']
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
  const loss = lossOf(settings)
  return refuseStart(loss, settings, facts) ?? refuseRows(loss, rows) ?? refuseTeacher(settings, facts)
}

/** What the objective needs of the rows. */
function refuseRows({ rows: kind }: LossDeclaration, rows: RowFacts): TrainingRefusal | undefined {
  const refusal = rowKindOf(kind).refuse?.(rows)
  return refusal && { about: 'objective', ...refusal }
}

/** What it starts from. */
function refuseStart(
  { startsFrom }: LossDeclaration,
  settings: TrainSettings,
  { base, model, backend }: TrainingFacts,
): TrainingRefusal | undefined {
  if (startsFrom === 'student') {
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
  if (startsFrom !== 'model') return undefined
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

/** How a student learns without a teacher. */
const INSTEAD: Readonly<Record<TeacherNeed['kind'], string>> = {
  before: 'train on the texts only',
  during: 'train on the texts only',
  labels: 'set the share of the teacher to 0',
}

/** The sentence for a student that needs a teacher when none is loaded. */
export const describeNoTeacher = ({ kind }: TeacherNeed): string =>
  `This student learns from the teacher’s probabilities, but no teacher is loaded. Load one on the Teacher screen, or ${INSTEAD[kind]}.`

function refuseTeacher(
  settings: TrainSettings,
  { teacherLoaded, storedTeachers }: TrainingFacts,
): TrainingRefusal | undefined {
  const { teacher } = planOf(settings)
  if (teacher === undefined || teacherLoaded) return undefined
  if (teacher.kind === 'before' && storedTeachers > 0) return undefined
  return { about: 'teacher', kind: 'no teacher', sentence: describeNoTeacher(teacher) }
}
