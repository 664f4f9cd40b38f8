// Knows: how a student is compared with itself before training and with its teacher, on held-out prompts.
import { CONTENDERS, type ComparedPrompt, type Comparison, type Contender } from '../domain/comparison.ts'
import type { DatasetRow } from '../domain/dataset.ts'
import { freshId, type ProjectId, type StudentId } from '../domain/id.ts'
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
} from '../domain/completion-request.ts'
import { refOf } from '../domain/model-card.ts'
import { GREEDY } from '../domain/sampling.ts'
import type { TeacherDescription } from '../domain/teacher-description.ts'
import { accept, refuse, type Checked } from '../domain/problem.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import { makeRng, shuffle } from '../domain/rng.ts'
import type { Student } from '../domain/student.ts'
import type { PairVerdict, Verdict } from '../domain/verdict.ts'
import { writePromptChat } from '../pipeline/completing/complete.ts'
import { buildVerdictRequest, readVerdict, rubricOfSettings } from '../pipeline/judging/expected-score.ts'
import { isEmptyText, outcomeOfEmpty, verdictOnEmpty } from '../pipeline/judging/empty-text.ts'
import { buildPairRequests, readPair } from '../pipeline/judging/pairwise.ts'
import { contextForJudge } from '../pipeline/judging/reasoning.ts'
import { rubric as rubricStep, type RubricSettings } from '../pipeline/judging/rubric.ts'
import { checkRecipeText } from '../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { RetortError } from '../protocol/errors.ts'
import type { GenerationEvent } from '../protocol/teacher.ts'
import { putComparison } from '../storage/comparisons.ts'
import type { Database } from '../storage/database.ts'
import { getDataset, listDatasetRows } from '../storage/datasets.ts'
import { guardQuota } from '../storage/quota.ts'
import { getStudent } from '../storage/students.ts'
import type { Machines } from './machines.ts'
import { requestScores } from './request-scores.ts'
import { streamProgress } from './stream-progress.ts'

/** Live only; never stored. */
export interface CompareProgress {
  readonly phase: 'before' | 'after' | 'teacher' | 'scores' | 'pairs' | 'finished'
  /** For the status line. */
  readonly sentence: string
  /** Texts and verdicts of the whole comparison, done and to do. */
  readonly done: number
  readonly total: number
  /** Prompts whose texts and verdicts are complete. */
  readonly prompts: readonly ComparedPrompt[]
}

export interface CompareStudents {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly teacher: TeacherDescription
  /** Max held-out prompts. */
  readonly prompts: number
}
export type CompareMachines = Pick<Machines, 'db' | 'teacher' | 'student' | 'now'>

/** Default number of held-out prompts. */
export const COMPARED_PROMPTS = 20
/** Texts, scores and ordered pairs per prompt. */
const WORK_PER_PROMPT = 3 + 3 + 4
/** Defaults of the judge step, for recipes without one. */
const DEFAULT_JUDGE: RubricSettings = {
  rubric: rubricStep.settings.rubric.default,
  own: rubricStep.settings.own.default,
  minMass: rubricStep.settings.minMass.default,
  thinking: rubricStep.settings.thinking.default,
  maxTokens: rubricStep.settings.maxTokens.default,
}

/**
 * Greedy completions of all three for the same held-out prompts, scored by the recipe's rubric and judged in pairs in both orders.
 * Stored complete or not at all. Returns problems if there is nothing to compare on. Throws an AbortError when `signal` aborts.
 */
export async function* compareStudents(
  machines: CompareMachines,
  request: CompareStudents,
  signal?: AbortSignal,
): AsyncGenerator<CompareProgress, Checked<Comparison>> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return yield* streamProgress<CompareProgress, Checked<Comparison>>(
    (report) => compare(machines, request, either, report),
    () => abort.abort(),
  )
}

async function compare(
  machines: CompareMachines,
  { projectId, studentId, teacher, prompts }: CompareStudents,
  signal: AbortSignal,
  report: (progress: CompareProgress) => void,
): Promise<Checked<Comparison>> {
  const { db } = machines
  const student = await getStudent(db, projectId, studentId)
  const dataset = student && (await getDataset(db, projectId, student.datasetId))
  if (!student || !dataset)
    return refuse({
      sentence: `The ${student ? 'dataset of this student' : 'student'} is no longer stored. Train a new one, then compare it.`,
    })
  const recipe = checkRecipeText(dataset.recipeText)
  if (!recipe.ok)
    return refuse({
      sentence: `The recipe of this dataset can no longer be read. ${recipe.problems[0]?.sentence ?? ''}`,
    })
  if (!teacher.capabilities.scores || !teacher.capabilities.chat)
    return refuse({
      sentence: `${teacher.card.name} does not support ${teacher.capabilities.chat ? 'the probabilities that a score needs' : 'chat'}. Load another teacher, then compare.`,
    })
  const heldOut = await listDatasetRows(db, projectId, dataset.id, 'held-out')
  const seen = await listSeenPrompts(db, student)
  const unseen = heldOut.filter(({ prompt }) => !seen.has(normalisePrompt(prompt)))
  const rows = chooseRows(unseen, prompts, recipe.value.rngSeed)
  if (rows.length === 0 && heldOut.length > 0)
    return refuse({
      sentence: `All ${heldOut.length} held-out rows of this dataset were training rows of the student that this one started from, so a comparison on them would show nothing. Train both on the same dataset, or freeze one with other rows.`,
    })
  if (rows.length === 0)
    return refuse({
      sentence:
        'This dataset has no held-out row, so there is no prompt to compare on. Freeze again with a larger held-out share or more rows, and train on that.',
    })
  const compared = await new Work(machines, {
    student,
    teacher,
    recipe: recipe.value,
    rows,
    signal,
    report,
  }).run()
  const comparison: Comparison = {
    projectId,
    id: freshId('comparison'),
    studentId,
    datasetId: dataset.id,
    judge: refOf(teacher.card),
    comparedAt: machines.now(),
    prompts: compared,
    ...(heldOut.length > unseen.length ? { excluded: heldOut.length - unseen.length } : {}),
  }
  await guardQuota('The comparison', () => putComparison(db, comparison))
  return accept(comparison)
}

const normalisePrompt = (prompt: string): string => prompt.toLowerCase().replaceAll(/\s+/gu, ' ').trim()

/** Prompts of the training rows of all students that this one started from, directly or not. */
async function listSeenPrompts(db: Database, { projectId, base }: Student): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  const visited = new Set<string>()
  for (let next = base; next !== undefined && !visited.has(next);) {
    visited.add(next)
    const earlier: Student | undefined = await getStudent(db, projectId, next)
    if (earlier === undefined) break
    for (const { prompt } of await listDatasetRows(db, projectId, earlier.datasetId, 'train'))
      seen.add(normalisePrompt(prompt))
    next = earlier.base
  }
  return seen
}

/** Rows with distinct prompts: always the same for the same dataset. */
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
  readonly report: (progress: CompareProgress) => void
}

/** One running comparison. Request ids are a row's index and what is requested for it: `3/after`, `3/teacher/1`. */
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

  async run(): Promise<ComparedPrompt[]> {
    const { student, teacher, rows } = this.#job
    const name = student.baseModel?.model.name
    const subjects: Record<Contender, string> = {
      before: name === undefined ? 'The student before training' : `${name} without adapters`,
      after: name === undefined ? 'The student after training' : `${name} with its adapters`,
      teacher: teacher.card.name,
    }
    for (const who of CONTENDERS) {
      this.#enter(
        who,
        `${subjects[who]} completes ${rows.length} held-out ${rows.length === 1 ? 'prompt' : 'prompts'}.`,
      )
      const { projectId, id: studentId } = student
      await this.#complete(who, (requests, options) =>
        who === 'teacher'
          ? this.#machines.teacher.complete({ requests, partials: false }, options)
          : this.#machines.student.complete({ projectId, studentId, which: who, requests }, options),
      )
    }
    this.#enter('scores', 'The judge scores every completion.')
    await this.#score()
    this.#enter('pairs', 'The judge compares the completions in pairs, in both orders.')
    await this.#pair()
    this.#enter('finished', 'All completions are judged. Storing the comparison.')
    return this.#finished()
  }

  async #complete(
    who: Contender,
    call: (
      requests: readonly CompletionRequest[],
      options: { signal: AbortSignal; onEvent: (event: GenerationEvent) => void },
    ) => Promise<unknown>,
  ): Promise<void> {
    const { recipe, rows, signal } = this.#job
    const { maxTokens } = readSteps(recipe).complete.settings
    const requests = rows.map(({ prompt, system }, i): CompletionRequest => ({
      id: `${i}/${who}`,
      input: writePromptChat(prompt, system),
      sampling: { ...GREEDY, maxTokens, rngSeed: 'compare' },
    }))
    const addText = ({ id, text }: CompletionResult): void => {
      this.#texts.set(id, text.trim())
      this.#step()
    }
    await call(requests, { signal, onEvent: (event) => event.kind === 'completion' && addText(event.result) })
    signal.throwIfAborted()
    const missing = requests.filter(({ id }) => !this.#texts.has(id)).length
    if (missing > 0)
      throw new RetortError(
        'Unexpected',
        `${missing} of ${requests.length} completions are missing. Compare again.`,
      )
  }

  async #score(): Promise<void> {
    const { teacher, rows } = this.#job
    const { settings, rubric } = this.#judge()
    const judge = refOf(teacher.card)
    const requests = rows.flatMap(({ prompt }, i) =>
      CONTENDERS.flatMap((who) => {
        const id = `${i}/${who}`
        const completion = this.#text(i, who)
        const verdict = verdictOnEmpty(completion, { rubric: rubric.name, judge })
        if (verdict === undefined)
          return [
            buildVerdictRequest(
              id,
              { prompt, completion },
              rubric,
              contextForJudge(teacher.contextLength, settings),
            ),
          ]
        this.#verdicts.set(id, verdict)
        this.#step()
        return []
      }),
    )
    await this.#requestScores(requests, (result) => {
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
    const { settings, rubric } = this.#judge()
    const requests = rows.flatMap(({ prompt }, i) =>
      (['before', 'teacher'] as const).flatMap((other) => {
        const pair = { prompt, first: this.#text(i, 'after'), second: this.#text(i, other) }
        if (isEmptyText(pair.first) || isEmptyText(pair.second)) {
          this.#step(2) // both orders
          return []
        }
        return buildPairRequests(
          `${i}/${other}`,
          pair,
          rubric,
          contextForJudge(teacher.contextLength, settings),
        )
      }),
    )
    rows.forEach((_, i) => this.#finishPrompt(i)) // those that need no judge
    await this.#requestScores(requests, ({ id, logProbs }) => {
      this.#orders.set(id, logProbs)
      this.#finishPrompt(Number.parseInt(id, 10))
    })
  }

  async #requestScores(
    requests: readonly ScoreRequest[],
    onResult: (result: ScoreResult) => void,
  ): Promise<void> {
    const { signal } = this.#job
    const missing = new Set(requests.map(({ id }) => id))
    await requestScores(
      this.#machines,
      { requests, settings: this.#judge().settings },
      {
        signal,
        onEvent: (event) => {
          if (event.kind !== 'score' || !missing.delete(event.result.id)) return
          onResult(event.result)
          this.#step()
        },
      },
    )
    signal.throwIfAborted()
    if (missing.size > 0)
      throw new RetortError(
        'Unexpected',
        `${missing.size} of ${requests.length} verdicts are missing. Compare again.`,
      )
  }

  #judge(): { settings: RubricSettings; rubric: ReturnType<typeof rubricOfSettings> } {
    const settings = readSteps(this.#job.recipe).judge?.settings ?? DEFAULT_JUDGE
    return { settings, rubric: rubricOfSettings(settings) }
  }

  /** Builds the prompt's record once all four pair verdicts have arrived. */
  #finishPrompt(i: number): void {
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
        reason: 'the judge gave no response',
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
    const texts = { first: this.#text(i, 'after'), second: this.#text(i, other) }
    const judge = refOf(this.#job.teacher.card)
    const decided = outcomeOfEmpty(texts, judge)
    if (decided !== undefined) return decided
    const [one, two] = [this.#orders.get(`${i}/${other}/1`), this.#orders.get(`${i}/${other}/2`)]
    return one && two ? readPair({ logProbs: one }, { logProbs: two }, judge, texts) : undefined
  }

  #text(i: number, who: Contender): string {
    return this.#texts.get(`${i}/${who}`) ?? ''
  }

  #finished(): ComparedPrompt[] {
    return [...this.#compared].toSorted(([a], [b]) => a - b).map(([, prompt]) => prompt)
  }

  #enter(phase: CompareProgress['phase'], sentence: string): void {
    this.#phase = phase
    this.#sentence = sentence
    this.#show()
  }
  #step(units = 1): void {
    this.#done += units
    this.#show()
  }
  #show(): void {
    const { rows, report } = this.#job
    report({
      phase: this.#phase,
      sentence: this.#sentence,
      done: this.#done,
      total: rows.length * WORK_PER_PROMPT,
      prompts: this.#phase === 'pairs' || this.#phase === 'finished' ? this.#finished() : [],
    })
  }
}
