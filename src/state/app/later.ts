// Knows: the long work of a project whose code is loaded when it first starts: no project’s first screen needs it.
// Must not know: what the work does.
import { RetortError } from '../../protocol/errors.ts'

async function load<T>(code: () => Promise<T>): Promise<T> {
  try {
    return await code()
  } catch (cause) {
    throw new RetortError(
      'DownloadFailed',
      'This could not start, because a file of the page could not be fetched. Nothing is lost. Check the connection and try again; if that changes nothing, reload the page.',
      { cause },
    )
  }
}

/** An action that yields its progress, loaded with its first step. Throws a RetortError if its file cannot be fetched. */
const following = <A extends readonly unknown[], P, R>(
  code: () => Promise<(...given: A) => AsyncGenerator<P, R>>,
) =>
  async function* (...given: A): AsyncGenerator<P, R> {
    return yield* (await load(code))(...given)
  }

/** An action without progress, loaded when it is called. Rejects with a RetortError if its file cannot be fetched. */
const doing =
  <A extends readonly unknown[], R>(code: () => Promise<(...given: A) => Promise<R>>) =>
  async (...given: A): Promise<R> =>
    (await load(code))(...given)

const run = () => import('../../actions/run/run-recipe.ts')
export const startRun = following(async () => (await run()).startRun)
export const resumeRun = following(async () => (await run()).resumeRun)
export const previewRun = doing(async () => (await import('../../actions/recipe/preview-run.ts')).previewRun)
export const findLeftOut = doing(
  async () => (await import('../../actions/seeds/find-left-out.ts')).findLeftOut,
)
export const readRunFacts = doing(async () => (await import('../../actions/run/funnel.ts')).readRunFacts)
export const listBarMembers = doing(
  async () => (await import('../../actions/run/list-bar-members.ts')).listBarMembers,
)
export const readFamily = doing(async () => (await import('../../actions/rows/read-family.ts')).readFamily)
export const compareRuns = doing(async () => (await import('../../actions/run/compare-runs.ts')).compareRuns)
export const tryFive = following(async () => (await import('../../actions/recipe/try-five.ts')).tryFive)
export const useRecipe = doing(async () => (await import('../../actions/recipe/use-recipe.ts')).useRecipe)
export const judgeEdited = following(
  async () => (await import('../../actions/rows/judge-edited.ts')).judgeEdited,
)

const train = () => import('../../actions/students/train-student.ts')
export const trainStudent = following(async () => (await train()).trainStudent)
export const resumeStudent = following(async () => (await train()).resumeStudent)

export const compareStudents = following(
  async () => (await import('../../actions/students/compare-students.ts')).compareStudents,
)
export const measureClassifier = doing(
  async () => (await import('../../actions/students/measure-classifier.ts')).measureClassifier,
)

export const downloadDataCard = doing(
  async () => (await import('../../actions/exports/download-data-card.ts')).downloadDataCard,
)
export const downloadStudent = doing(
  async () => (await import('../../actions/exports/download-student.ts')).downloadStudent,
)
