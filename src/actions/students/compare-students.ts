// Knows: how a student is compared with itself before training and with its teacher, on held-out prompts.
import { modelOf, ownModelOf, type Cast } from '../../domain/cast.ts'
import { CONTENDERS, type ComparedPrompt, type Comparison } from '../../domain/comparison.ts'
import type { DatasetRow } from '../../domain/dataset.ts'
import { freshId, type ProjectId, type StudentId } from '../../domain/id.ts'
import { refOf } from '../../domain/model-card.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import type { Student } from '../../domain/student.ts'
import {
  comparePrompt,
  roleOfContender,
  UNITS_PER_PROMPT,
  type ComparedUnit,
  type HeldOutPrompt,
} from '../../pipeline/comparing/compare-program.ts'
import { complete as completeStep } from '../../pipeline/completing/complete.ts'
import { firstOf } from '../../pipeline/cut-text.ts'
import { rubricOfSettings } from '../../pipeline/judging/rubric.ts'
import { checkRecipeText } from '../../pipeline/recipes/check-recipe.ts'
import { findJudging } from '../../pipeline/recipes/find-judging.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import { RetortError } from '../../protocol/errors.ts'
import { forgetCalls } from '../../storage/calls.ts'
import { putComparison } from '../../storage/comparisons.ts'
import type { Database } from '../../storage/database.ts'
import { getDataset, listDatasetRows } from '../../storage/datasets.ts'
import { guardQuota } from '../../storage/quota.ts'
import { getStudent } from '../../storage/students.ts'
import { controlOf } from '../executing/control-of.ts'
import { Executor } from '../executing/executor.ts'
import { openJournal } from '../executing/open-journal.ts'
import { ModelSwaps } from '../executing/model-swaps.ts'
import { castModels, RoleModels, studentModel } from '../executing/role-models.ts'
import type { Machines } from '../machines.ts'
import { streamProgress } from '../stream-progress.ts'

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

export interface CompareStudents extends Cast {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  /** Max held-out prompts. */
  readonly prompts: number
}
export type CompareMachines = Pick<Machines, 'db' | 'teacher' | 'models' | 'student' | 'now'>

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
  { projectId, studentId, prompts, ...cast }: CompareStudents,
  signal: AbortSignal,
  report: (progress: CompareProgress) => void,
): Promise<Checked<Comparison>> {
  const { db } = machines
  const { teacher } = cast
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
  const role = findJudging(recipe.value).by
  const judge = modelOf(cast)(role)
  if (!teacher.capabilities.chat)
    return refuse({
      sentence: `${teacher.card.name} does not support chat. Load another teacher, then compare.`,
    })
  if (!judge.capabilities.scores || !judge.capabilities.chat)
    return refuse({
      sentence: `${judge.card.name} does not support ${judge.capabilities.chat ? 'the probabilities that a score needs' : 'chat'}. Load another ${ownModelOf(cast, role) === undefined ? 'teacher' : `model for the ${role === 'judge' ? 'judge' : `role ${role}`}`}, then compare.`,
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
  const compared = await comparePrompts(machines, {
    student,
    cast,
    recipe: recipe.value,
    rows,
    signal,
    report,
  })
  const comparison: Comparison = {
    projectId,
    id: freshId('comparison'),
    studentId,
    datasetId: dataset.id,
    judge: refOf(judge.card),
    ...(ownModelOf(cast, role) === undefined || role === 'teacher' ? {} : { teacher: refOf(teacher.card) }),
    comparedAt: machines.now(),
    prompts: compared,
    ...(heldOut.length > unseen.length ? { excluded: heldOut.length - unseen.length } : {}),
  }
  await guardQuota('The comparison', () => putComparison(db, comparison))
  await forgetCalls(db, projectId, `comparison ${studentId}`).catch(() => undefined) // it only takes room
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
  readonly cast: Cast
  readonly recipe: CheckedRecipe
  readonly rows: readonly DatasetRow[]
  readonly signal: AbortSignal
  readonly report: (progress: CompareProgress) => void
}

/** Runs the comparison's programs; its replies are kept until the comparison is stored, so that a cancelled one continues. */
async function comparePrompts(
  machines: CompareMachines,
  { student, cast, recipe, rows, signal, report }: Job,
): Promise<ComparedPrompt[]> {
  const { db, student: studentMachine } = machines
  const { projectId } = student
  const { teacher } = cast
  const { complete } = readSteps(recipe)
  const settings = findJudging(recipe)
  const role = settings.by
  const judge = modelOf(cast)(role)
  const judging = {
    rubric: rubricOfSettings(settings),
    judge: refOf(judge.card),
    settings,
    contextLength: judge.contextLength,
    role,
  }
  const models = castModels(machines, cast)
  const students = new Map(
    (['before', 'after'] as const).map((who) => [
      roleOfContender(who),
      studentModel(studentMachine, student, who),
    ]),
  )
  const progress = new Live(rows.length, report)
  const { control, release } = controlOf(signal)
  const sentences = describeWork(
    student,
    teacher,
    role === 'teacher' ? undefined : ownModelOf(cast, role),
    rows.length,
  )
  const executor = new Executor({
    models: new RoleModels((name) => students.get(name) ?? models(name), {
      swaps: new ModelSwaps(machines, cast, (loading) => progress.showLoading(loading)),
    }),
    journal: openJournal(db, projectId, `comparison ${student.id}`, 'The comparison'),
    control,
    onNoReply: (reason) => {
      throw new RetortError('Unexpected', `A completion or a verdict is missing: ${reason}. Compare again.`)
    },
    onBatch: ({ kind, role: name }) => {
      const who = kind === 'complete' ? CONTENDERS.find((one) => roleOfContender(one) === name) : undefined
      // The model that judges may be the teacher, and one that reasons completes too.
      const phase = who === 'teacher' && progress.hasTexts ? progress.judging : (who ?? progress.judging)
      progress.enter(phase, sentences[phase])
      return () => undefined
    },
  })
  try {
    await executor.each<HeldOutPrompt, ComparedUnit, ComparedPrompt>({
      items: rows.map(({ rowId, prompt, earlier, system }, index) => ({
        rowId,
        prompt,
        ...(earlier ? { earlier } : {}),
        system,
        index,
      })),
      program: (row) =>
        comparePrompt(row, judging, complete?.settings.maxTokens ?? completeStep.settings.maxTokens.default),
      onEmit: (_, unit) => progress.add(unit),
      onEnd: ({ index }, compared) => progress.finishPrompt(index, compared),
      // A comparison without one of its prompts would be another one.
      onFailure: ({ prompt }, reason) => {
        throw new RetortError(
          'Unexpected',
          `The prompt “${firstOf(prompt, 80)}” could not be compared: ${reason}. What was generated for the others is stored, and comparing again uses it.`,
        )
      },
    })
  } finally {
    release()
  }
  signal.throwIfAborted()
  progress.enter('finished', 'All completions are judged. Storing the comparison.')
  return progress.prompts
}

function describeWork(
  { baseModel }: Student,
  teacher: TeacherDescription,
  judge: TeacherDescription | undefined,
  prompts: number,
): Record<Exclude<CompareProgress['phase'], 'finished'>, string> {
  const name = baseModel?.model.name
  const judging = judge === undefined ? 'The judge' : `The judge, ${judge.card.name},`
  const completes = `completes ${prompts} held-out ${prompts === 1 ? 'prompt' : 'prompts'}.`
  return {
    before: `${name === undefined ? 'The student before training' : `${name} without adapters`} ${completes}`,
    after: `${name === undefined ? 'The student after training' : `${name} with its adapters`} ${completes}`,
    teacher: `${teacher.card.name} ${completes}`,
    scores: `${judging} scores every completion.`,
    pairs: `${judging} compares the completions in pairs, in both orders.`,
  }
}

/** The progress of a comparison. */
class Live {
  readonly #total: number
  readonly #scores: number
  readonly #report: (progress: CompareProgress) => void
  readonly #compared = new Map<number, ComparedPrompt>()
  #phase: CompareProgress['phase'] = 'before'
  #sentence = ''
  #loading = ''
  #done = 0
  #scored = 0
  #texts = 0

  constructor(prompts: number, report: (progress: CompareProgress) => void) {
    this.#total = prompts * UNITS_PER_PROMPT
    this.#scores = prompts * CONTENDERS.length
    this.#report = report
  }

  get prompts(): ComparedPrompt[] {
    return [...this.#compared].toSorted(([a], [b]) => a - b).map(([, prompt]) => prompt)
  }

  /** Every prompt has its texts: what is completed now is reasoning of the judge. */
  get hasTexts(): boolean {
    return this.#texts >= this.#scores
  }
  /** What the judge does next. */
  get judging(): 'scores' | 'pairs' {
    return this.#scored < this.#scores ? 'scores' : 'pairs'
  }

  showLoading(sentence: string): void {
    this.#loading = sentence
    this.#show()
  }

  enter(phase: CompareProgress['phase'], sentence: string): void {
    this.#phase = phase
    this.#sentence = sentence
    this.#show()
  }

  add(unit: ComparedUnit): void {
    this.#done += unit.kind === 'pair' ? unit.orders : 1
    if (unit.kind === 'score') this.#scored += 1
    if (unit.kind === 'text') this.#texts += 1
    this.#show()
  }

  finishPrompt(index: number, prompt: ComparedPrompt): void {
    this.#compared.set(index, prompt)
    this.#show()
  }

  #show(): void {
    this.#report({
      phase: this.#phase,
      sentence: [this.#loading, this.#sentence].filter(Boolean).join(' '),
      done: this.#done,
      total: this.#total,
      prompts: this.prompts,
    })
  }
}
