// Knows: how a stored run gets the models of its roles again: its teacher and, if it had one, its judge's own.
import type { Run } from '../domain/run.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import type { Cast, Roles } from './roles.svelte.ts'
import type { TeacherRecall } from './teacher-recall.svelte.ts'

type RunRoles = Pick<Run, 'teacher' | 'loadedWith' | 'judge' | 'judgeLoadedWith'>

export class RunModels {
  readonly #roles: Roles
  readonly #teacher: TeacherRecall
  readonly #judge: TeacherRecall

  constructor(roles: Roles, teacher: TeacherRecall, judge: TeacherRecall) {
    this.#roles = roles
    this.#teacher = teacher
    this.#judge = judge
  }

  get running(): boolean {
    return this.#teacher.task.running || this.#judge.task.running
  }
  /** Name of the model that is being found and loaded. */
  get loadingName(): string | undefined {
    return this.#teacher.loadingName ?? this.#judge.loadingName
  }
  /** Whether that model is being loaded, and how far; it may still have to be found. */
  get isLoading(): boolean {
    return this.running && this.#roles.loading
  }
  get progress(): LoadProgress | undefined {
    const role = this.#teacher.task.running ? 'teacher' : 'judge'
    return this.running ? this.#roles[role].loading.progress : undefined
  }
  /** What a person has to do first, for each model that could not be found. */
  get waitsFor(): readonly string[] {
    return [this.#teacher.waitsFor, this.#judge.waitsFor].flatMap((sentence) => sentence ?? [])
  }
  get errors(): readonly string[] {
    const loading = this.#roles.judge.description ? undefined : this.#roles.judge.loading.error
    return [this.#teacher.task.error, this.#judge.task.error, loading].flatMap((error) => error ?? [])
  }

  /** The models of a run, loaded as they were; undefined if one of them cannot be: `waitsFor` or an error says why. */
  async recall({ teacher, loadedWith, judge, judgeLoadedWith }: RunRoles): Promise<Cast | undefined> {
    const found = await this.#teacher.recall(teacher, loadedWith)
    if (judge === undefined) return found && { teacher: found }
    // Also without the teacher, so that everything that is missing is named at once.
    const judging =
      found === undefined && this.#teacher.waitsFor === undefined
        ? undefined
        : await this.#judge.recall(judge, judgeLoadedWith)
    return found && judging && { teacher: found, judge: judging }
  }

  /** The model that judged a run, loaded as it was, as the teacher or as the judge's own. */
  async recallJudge({
    teacher,
    loadedWith,
    judge,
    judgeLoadedWith,
  }: RunRoles): Promise<Partial<Cast> | undefined> {
    if (judge !== undefined) {
      const found = await this.#judge.recall(judge, judgeLoadedWith)
      return found && { judge: found }
    }
    const found = await this.#teacher.recall(teacher, loadedWith)
    return found && { teacher: found }
  }

  stop(): void {
    this.#teacher.stop()
    this.#judge.stop()
  }
}
