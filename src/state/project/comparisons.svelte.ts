// Knows: a project's comparisons, and the statistics of one.
import type { CompareProgress } from '../../actions/students/compare-students.ts'
import {
  COMPARED_PROMPTS,
  CONTENDERS,
  type ComparedPrompt,
  type Comparison,
  type Contender,
  type Interval,
} from '../../domain/comparison.ts'
import type { Cast } from '../../domain/cast.ts'
import type { Dataset } from '../../domain/dataset.ts'
import type { Role } from '../../domain/role.ts'
import type { ProjectId, StudentId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import { makeRng } from '../../domain/rng.ts'
import type { Student } from '../../domain/student.ts'
import type { LabelMeasure } from '../../pipeline/training/label-measure.ts'
import { bootstrapMean } from '../../pipeline/statistics/bootstrap.ts'
import { countWins, type Wins } from '../../pipeline/statistics/wins.ts'
import { listComparisons } from '../../storage/comparisons.ts'
import type { Environment } from '../app/environment.ts'
import { compareStudents, measureClassifier } from '../app/later.ts'
import { findRecipeText } from './recipe-text.svelte.ts'
import { Task } from '../parts/task.svelte.ts'

/** Statistics over the compared prompts. */
export interface Summary {
  /** The judge's mean scores with their 95 % intervals; absent if no verdict could be read. */
  readonly scores: Readonly<Record<Contender, Interval | undefined>>
  readonly unreadable: Readonly<Record<Contender, number>>
  readonly afterBefore: Wins
  readonly afterTeacher: Wins
}

const each = <T>(make: (who: Contender) => T): Record<Contender, T> => ({
  before: make('before'),
  after: make('after'),
  teacher: make('teacher'),
})

export function summarise(prompts: readonly ComparedPrompt[]): Summary {
  const scoresOf = (who: Contender): number[] =>
    prompts.flatMap(({ verdicts }) => (verdicts[who].kind === 'score' ? [verdicts[who].score] : []))
  return {
    scores: each((who) =>
      scoresOf(who).length === 0 ? undefined : bootstrapMean(scoresOf(who), makeRng(`scores of ${who}`)),
    ),
    unreadable: each((who) => prompts.length - scoresOf(who).length),
    afterBefore: countWins(
      prompts.map((prompt) => prompt.afterBefore),
      makeRng('after against before'),
    ),
    afterTeacher: countWins(
      prompts.map((prompt) => prompt.afterTeacher),
      makeRng('after against teacher'),
    ),
  }
}

export class Comparisons {
  readonly task = new Task<CompareProgress>()
  readonly measuring = new Task()
  #measured = $state.raw<{ readonly studentId: StudentId; readonly measure: LabelMeasure } | undefined>()
  #list = $state.raw<readonly Comparison[]>([])
  #problems = $state.raw<readonly Problem[]>([])
  /** The latest comparison of the chosen student. */
  #latest = $derived.by(() => {
    const chosen = this.#chosen()
    return chosen === undefined ? this.#list[0] : this.#list.find(({ studentId }) => studentId === chosen)
  })
  #prompts = $derived(this.task.running ? (this.task.progress?.prompts ?? []) : (this.#latest?.prompts ?? []))
  #summary = $derived(this.#prompts.length === 0 ? undefined : summarise(this.#prompts))
  prompts = $state(COMPARED_PROMPTS)
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #chosen: () => StudentId | undefined

  constructor(env: Environment, projectId: ProjectId, chosen: () => StudentId | undefined) {
    this.#env = env
    this.#projectId = projectId
    this.#chosen = chosen
  }

  /** Newest first. */
  get list(): readonly Comparison[] {
    return this.#list
  }
  get latest(): Comparison | undefined {
    return this.#latest
  }
  get problems(): readonly Problem[] {
    return this.#problems
  }
  /** The prompts shown: those of the running comparison, else of the latest. */
  get shown(): readonly ComparedPrompt[] {
    return this.#prompts
  }
  get summary(): Summary | undefined {
    return this.#summary
  }
  get contenders(): readonly Contender[] {
    return CONTENDERS
  }

  async refresh(): Promise<void> {
    this.#list = (await listComparisons(this.#env.machines.db, this.#projectId)).toSorted(
      (a, b) => b.comparedAt - a.comparedAt,
    )
  }

  /** The role that judges a comparison on a dataset, by its recipe. */
  judgeRoleOf(dataset: Pick<Dataset, 'recipeText'>): Role {
    const code = findRecipeText()
    const recipe = code?.checkRecipeText(dataset.recipeText)
    return code && recipe?.ok ? code.findJudging(recipe.value).by : 'judge'
  }

  /** Share of right labels of a classifier: in memory only, since it takes seconds. */
  get measured(): LabelMeasure | undefined {
    return this.#measured?.studentId === this.#chosen() ? this.#measured?.measure : undefined
  }
  async measure(student: Student): Promise<void> {
    this.#problems = []
    const done = await this.measuring.do((signal) => measureClassifier(this.#env.machines, student, signal))
    if (done?.ok) this.#measured = { studentId: student.id, measure: done.value }
    else if (done) this.#problems = done.problems
  }

  async compare(studentId: StudentId, cast: Cast): Promise<void> {
    this.#problems = []
    const start = (signal: AbortSignal) =>
      compareStudents(
        this.#env.machines,
        { projectId: this.#projectId, studentId, ...cast, prompts: this.prompts },
        signal,
      )
    const compared = await this.task.follow(start, () => this.refresh())
    if (compared !== undefined && !compared.ok) this.#problems = compared.problems
  }
}
