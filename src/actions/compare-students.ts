// Knows: how a student is compared with itself before training and with its teacher on prompts it never saw.
import { CONTENDERS, type ComparedPrompt, type Comparison, type Contender } from '../domain/comparison.ts'
import type { DatasetRow } from '../domain/dataset.ts'
import { freshId, type ProjectId, type StudentId } from '../domain/id.ts'
import {
  GREEDY,
  refOf,
  type CompletionRequest,
  type CompletionResult,
  type ScoreRequest,
  type ScoreResult,
  type TeacherDescription,
} from '../domain/model.ts'
import { accept, refuse, type Checked } from '../domain/problem.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import { makeRng, shuffle } from '../domain/rng.ts'
import type { Student } from '../domain/student.ts'
import type { PairVerdict, Verdict } from '../domain/verdict.ts'
import { askPrompt } from '../pipeline/completing/complete.ts'
import { askVerdict, readVerdict, rubricOfSettings } from '../pipeline/judging/expected-score.ts'
import { askPair, readPair } from '../pipeline/judging/pairwise.ts'
import { rubric as rubricStep, type RubricSettings } from '../pipeline/judging/rubric.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { RetortError } from '../protocol/errors.ts'
import type { GenerationEvent } from '../protocol/teacher.ts'
import { putComparison } from '../storage/comparisons.ts'
import { getDataset, listDatasetRows } from '../storage/datasets.ts'
import { guardQuota } from '../storage/quota.ts'
import { getStudent } from '../storage/students.ts'
import type { Machines } from './machines.ts'
import { tellProgress } from './tell-progress.ts'

/** Live only; never stored. */
export interface CompareProgress {
  readonly phase: 'before' | 'after' | 'teacher' | 'scores' | 'pairs' | 'finished'
  /** In words, for the status line. */
  readonly sentence: string
  /** Texts and verdicts of the whole comparison, done and to do. */
  readonly done: number
  readonly total: number
  /** Prompts whose texts and verdicts are all there. */
  readonly prompts: readonly ComparedPrompt[]
}

export interface CompareStudents {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly teacher: TeacherDescription
  /** Held-out prompts at most. */
  readonly prompts: number
}
export type CompareMachines = Pick<Machines, 'db' | 'teacher' | 'student' | 'now'>

/** Held-out prompts compared unless the person says otherwise. */
export const COMPARED_PROMPTS = 20
/** Texts, scores and orders of pairs that one prompt takes. */
const WORK_A_PROMPT = 3 + 3 + 4
/** Defaults of a judge step, for recipes that have none. */
const DEFAULT_JUDGE: RubricSettings = {
  rubric: rubricStep.settings.rubric.default,
  own: rubricStep.settings.own.default,
  minMass: rubricStep.settings.minMass.default,
}

/**
 * Greedy texts of all three for the same held-out prompts, scored by the recipe's rubric and judged in pairs in both orders.
 * Stored whole or not at all. Problems where there is nothing to compare on. Throws an AbortError when `signal` ends.
 */
export async function* compareStudents(
  machines: CompareMachines,
  request: CompareStudents,
  signal?: AbortSignal,
): AsyncGenerator<CompareProgress, Checked<Comparison>> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return yield* tellProgress<CompareProgress, Checked<Comparison>>(
    (tell) => compare(machines, request, either, tell),
    () => abort.abort(),
  )
}

async function compare(
  machines: CompareMachines,
  { projectId, studentId, teacher, prompts }: CompareStudents,
  signal: AbortSignal,
  tell: (progress: CompareProgress) => void,
): Promise<Checked<Comparison>> {
  const { db } = machines
  const student = await getStudent(db, projectId, studentId)
  const dataset = student && (await getDataset(db, projectId, student.datasetId))
  if (!student || !dataset)
    return refuse({
      sentence: `The ${student ? 'dataset of this student' : 'student'} is not stored any more. Train a new one, then compare it.`,
    })
  const recipe = checkRecipeText(dataset.recipeText)
  if (!recipe.ok)
    return refuse({
      sentence: `The recipe of this dataset cannot be read any more. ${recipe.problems[0]?.sentence ?? ''}`,
    })
  if (!teacher.gives.scores || !teacher.gives.chat)
    return refuse({
      sentence: `${teacher.card.name} gives no ${teacher.gives.chat ? 'probabilities to read a score from' : 'answers to a chat'}. Load another teacher, then compare.`,
    })
  const rows = chooseRows(
    await listDatasetRows(db, projectId, dataset.id, 'held-out'),
    prompts,
    recipe.value.rngSeed,
  )
  if (rows.length === 0)
    return refuse({
      sentence:
        'This dataset has no held-out row, so there is no prompt that the student never saw. Freeze again with a larger held-out share or more rows, and train on that.',
    })
  const compared = await new Work(machines, {
    student,
    teacher,
    recipe: recipe.value,
    rows,
    signal,
    tell,
  }).go()
  const comparison: Comparison = {
    projectId,
    id: freshId('comparison'),
    studentId,
    datasetId: dataset.id,
    judge: refOf(teacher.card),
    comparedAt: machines.now(),
    prompts: compared,
  }
  await guardQuota('The comparison', () => putComparison(db, comparison))
  return accept(comparison)
}

/** Rows of distinct prompts: the same ones for the same dataset. */
function chooseRows(rows: readonly DatasetRow[], count: number, rngSeed: number): DatasetRow[] {
  const first = [
    ...new Map(rows.toReversed().map((row) => [JSON.stringify([row.system, row.prompt]), row])).values(),
  ].toReversed()
  return shuffle(first, makeRng(`${rngSeed}/compare`)).slice(0, Math.max(1, Math.floor(count)))
}

interface Job {
  readonly student: Student
  readonly teacher: TeacherDescription
  readonly recipe: CheckedRecipe
  readonly rows: readonly DatasetRow[]
  readonly signal: AbortSignal
  readonly tell: (progress: CompareProgress) => void
}

/** One comparison on its way. Requests are named by a row's place and what is asked of it: `3/after`, `3/after-teacher/1`. */
class Work {
  readonly #machines: CompareMachines
  readonly #job: Job
  readonly #texts = new Map<string, string>()
  readonly #verdicts = new Map<string, Verdict>()
  readonly #orders = new Map<string, readonly number[]>()
  readonly #compared = new Map<number, ComparedPrompt>()
  #phase: CompareProgress['phase'] = 'before'
  #sentence = ''
  #done = 0

  constructor(machines: CompareMachines, job: Job) {
    this.#machines = machines
    this.#job = job
  }

  async go(): Promise<ComparedPrompt[]> {
    const { student, teacher, rows } = this.#job
    const name = student.adapts?.model.name
    const words: Record<Contender, string> = {
      before: name === undefined ? 'The student before training writes' : `${name} as it was writes`,
      after: name === undefined ? 'The student after training writes' : `${name} with its adapters writes`,
      teacher: `${teacher.card.name} writes`,
    }
    for (const who of CONTENDERS) {
      this.#enter(
        who,
        `${words[who]} its answers to ${rows.length} held-out ${rows.length === 1 ? 'prompt' : 'prompts'}.`,
      )
      const { projectId, id: studentId } = student
      await this.#write(who, (requests, options) =>
        who === 'teacher'
          ? this.#machines.teacher.complete({ requests, partials: false }, options)
          : this.#machines.student.complete({ projectId, studentId, which: who, requests }, options),
      )
    }
    this.#enter('scores', 'The judge scores every answer.')
    await this.#score()
    this.#enter('pairs', 'The judge compares the answers in pairs, in both orders.')
    await this.#pair()
    this.#enter('finished', 'All answers are judged; the comparison is being stored.')
    return this.#ready()
  }

  async #write(
    who: Contender,
    ask: (
      requests: readonly CompletionRequest[],
      options: { signal: AbortSignal; onEvent: (event: GenerationEvent) => void },
    ) => Promise<unknown>,
  ): Promise<void> {
    const { recipe, rows, signal } = this.#job
    const { maxTokens } = readSteps(recipe).complete.settings
    const requests = rows.map(({ prompt, system }, i): CompletionRequest => ({
      id: `${i}/${who}`,
      asked: askPrompt(prompt, system),
      sampling: { ...GREEDY, maxTokens, rngSeed: 'compare' },
    }))
    const take = ({ id, text }: CompletionResult): void => {
      this.#texts.set(id, text.trim())
      this.#step()
    }
    await ask(requests, { signal, onEvent: (event) => event.kind === 'completion' && take(event.result) })
    signal.throwIfAborted()
    const missing = requests.filter(({ id }) => !this.#texts.has(id)).length
    if (missing > 0)
      throw new RetortError(
        'Unexpected',
        `${missing} of ${requests.length} answers did not come. Compare again.`,
      )
  }

  async #score(): Promise<void> {
    const { teacher, rows } = this.#job
    const { settings, rubric } = this.#judge()
    const judge = refOf(teacher.card)
    const requests = rows.flatMap(({ prompt }, i) =>
      CONTENDERS.map((who) =>
        askVerdict(`${i}/${who}`, { prompt, completion: this.#text(i, who) }, rubric, teacher.contextLength),
      ),
    )
    await this.#ask(requests, (result) => {
      const unreadable = (reason: string): Verdict => ({
        kind: 'unreadable',
        rubric: rubric.name,
        judge,
        reason,
      })
      this.#verdicts.set(
        result.id,
        result.refusal === undefined
          ? readVerdict(result, { rubric: rubric.name, judge, minMass: settings.minMass })
          : unreadable(result.refusal),
      )
    })
  }

  async #pair(): Promise<void> {
    const { teacher, rows } = this.#job
    const { rubric } = this.#judge()
    const requests = rows.flatMap(({ prompt }, i) =>
      (['before', 'teacher'] as const).flatMap((other) =>
        askPair(
          `${i}/${other}`,
          { prompt, first: this.#text(i, 'after'), second: this.#text(i, other) },
          rubric,
          teacher.contextLength,
        ),
      ),
    )
    await this.#ask(requests, ({ id, logProbs }) => {
      this.#orders.set(id, logProbs)
      this.#settle(Number.parseInt(id, 10))
    })
  }

  async #ask(requests: readonly ScoreRequest[], take: (result: ScoreResult) => void): Promise<void> {
    const { signal } = this.#job
    const missing = new Set(requests.map(({ id }) => id))
    await this.#machines.teacher.score(
      { requests },
      {
        signal,
        onEvent: (event) => {
          if (event.kind !== 'score' || !missing.delete(event.result.id)) return
          take(event.result)
          this.#step()
        },
      },
    )
    signal.throwIfAborted()
    if (missing.size > 0)
      throw new RetortError(
        'Unexpected',
        `${missing.size} of ${requests.length} verdicts did not come. Compare again.`,
      )
  }

  #judge(): { settings: RubricSettings; rubric: ReturnType<typeof rubricOfSettings> } {
    const settings = readSteps(this.#job.recipe).judge?.settings ?? DEFAULT_JUDGE
    return { settings, rubric: rubricOfSettings(settings) }
  }

  /** The prompt's record, once all four orders are there. */
  #settle(i: number): void {
    const row = this.#job.rows[i]
    const [afterBefore, afterTeacher] = [this.#readPair(i, 'before'), this.#readPair(i, 'teacher')]
    if (!row || !afterBefore || !afterTeacher) return
    const each = <T>(make: (who: Contender) => T): Record<Contender, T> => ({
      before: make('before'),
      after: make('after'),
      teacher: make('teacher'),
    })
    const verdictOf = (who: Contender): Verdict =>
      this.#verdicts.get(`${i}/${who}`) ?? {
        kind: 'unreadable',
        rubric: this.#judge().rubric.name,
        judge: refOf(this.#job.teacher.card),
        reason: 'the judge gave no answer',
      }
    this.#compared.set(i, {
      rowId: row.rowId,
      prompt: row.prompt,
      texts: each((who) => this.#text(i, who)),
      verdicts: each(verdictOf),
      afterBefore,
      afterTeacher,
    })
  }

  #readPair(i: number, other: 'before' | 'teacher'): PairVerdict | undefined {
    const [one, two] = [this.#orders.get(`${i}/${other}/1`), this.#orders.get(`${i}/${other}/2`)]
    return one && two
      ? readPair({ logProbs: one }, { logProbs: two }, refOf(this.#job.teacher.card), {
          first: this.#text(i, 'after'),
          second: this.#text(i, other),
        })
      : undefined
  }

  #text(i: number, who: Contender): string {
    return this.#texts.get(`${i}/${who}`) ?? ''
  }

  #ready(): ComparedPrompt[] {
    return [...this.#compared].toSorted(([a], [b]) => a - b).map(([, prompt]) => prompt)
  }

  #enter(phase: CompareProgress['phase'], sentence: string): void {
    this.#phase = phase
    this.#sentence = sentence
    this.#show()
  }
  #step(): void {
    this.#done += 1
    this.#show()
  }
  #show(): void {
    const { rows, tell } = this.#job
    tell({
      phase: this.#phase,
      sentence: this.#sentence,
      done: this.#done,
      total: rows.length * WORK_A_PROMPT,
      prompts: this.#phase === 'pairs' || this.#phase === 'finished' ? this.#ready() : [],
    })
  }
}
