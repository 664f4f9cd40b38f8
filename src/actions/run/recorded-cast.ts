// Knows: how the models of a run's roles are recorded, and which of them a resume needs.
import { limitCast, listCast, ownModelOf, type Cast } from '../../domain/cast.ts'
import { refOf } from '../../domain/model-card.ts'
import type { Role } from '../../domain/role.ts'
import type { LoadedWith, RecordedModel, Run } from '../../domain/run.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { RetortError } from '../../protocol/errors.ts'

/** The part of a run's record that names its models. */
type RecordedCast = Pick<Run, 'teacher' | 'loadedWith' | 'judge' | 'judgeLoadedWith' | 'models'>

/** How a model is loaded, for a resume after a reload; undefined for a model server. */
function loadedWith({
  backend,
  contextLength,
  weights,
  chatFormat,
}: TeacherDescription): LoadedWith | undefined {
  if (backend === 'server') return undefined
  return {
    backend,
    contextLength,
    ...(weights === undefined ? {} : { weights }),
    ...(chatFormat === undefined ? {} : { chatFormat }),
  }
}

const record = (model: TeacherDescription): RecordedModel => {
  const loaded = loadedWith(model)
  return { model: refOf(model.card), ...(loaded === undefined ? {} : { loadedWith: loaded }) }
}

/** A cast as a run's record has it. */
export function recordCast(cast: Cast): RecordedCast {
  const teacher = record(cast.teacher)
  const judge = cast.judge && record(cast.judge)
  const models = Object.entries(cast.models ?? {}).map(([role, model]) => [role, record(model)] as const)
  return {
    teacher: teacher.model,
    ...(teacher.loadedWith ? { loadedWith: teacher.loadedWith } : {}),
    ...(judge ? { judge: judge.model } : {}),
    ...(judge?.loadedWith ? { judgeLoadedWith: judge.loadedWith } : {}),
    ...(models.length > 0 ? { models: Object.fromEntries(models) } : {}),
  }
}

/** The recorded models by role: the teacher's, and those of roles that had one of their own. */
export const listRecorded = ({
  teacher,
  loadedWith: loaded,
  judge,
  judgeLoadedWith,
  models = {},
}: RecordedCast): readonly (readonly [Role, RecordedModel])[] => [
  ['teacher', { model: teacher, ...(loaded ? { loadedWith: loaded } : {}) }],
  ...(judge
    ? [['judge', { model: judge, ...(judgeLoadedWith ? { loadedWith: judgeLoadedWith } : {}) }] as const]
    : []),
  ...Object.entries(models),
]

/** The models that a resumed run calls: those of its record. Throws `ModelMissing` if another one has a role, or none. */
export function castOfRun(run: RecordedCast, cast: Cast): Cast {
  const recorded = listRecorded(run)
  for (const [role, { model }] of recorded) {
    const present = ownModelOf(cast, role)
    if (present?.card.fingerprint !== model.fingerprint)
      throw new RetortError('ModelMissing', describeMissing(role, model.name, present?.card.name))
  }
  return limitCast(
    cast,
    listCast(cast).flatMap(([role]) => (recorded.some(([known]) => known === role) ? [role] : [])),
  )
}

function describeMissing(role: Role, wanted: string, present: string | undefined): string {
  // The ids of rows include the model: another model would start the run from scratch under the same id.
  if (role === 'teacher')
    return `This run was started with ${wanted}, but ${present} is loaded. Load ${wanted} to resume it, or start a new run.`
  const instead =
    present === undefined ? `the ${role} has no model of its own now` : `${present} is the ${role} now`
  // One dataset has one judge: scores of two models mean different things.
  const was =
    role === 'judge' ? `The rows of this run are judged by ${wanted}` : `In this run the ${role} is ${wanted}`
  return `${was}, but ${instead}. Load ${wanted} for the ${role} to resume it, or start a new run.`
}
