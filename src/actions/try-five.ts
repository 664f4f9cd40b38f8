// Knows: how a recipe is tried on five rows before it runs: through all steps, in memory only.
// Must not know: the store, except to read seeds and the room that is left.
import type { StepAnswer } from '../domain/filter-answer.ts'
import { dropped } from '../domain/filter-answer.ts'
import { freshId, type ProjectId, type RunId } from '../domain/id.ts'
import { refOf, type CompletionResult, type ScoreResult, type TeacherDescription } from '../domain/model.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Completion } from '../domain/row.ts'
import type { Seed } from '../domain/seed.ts'
import type { Verdict } from '../domain/verdict.ts'
import { planCompletions, type PlannedRow } from '../pipeline/completing/complete.ts'
import { estimateRun, type Tried } from '../pipeline/estimate.ts'
import { answersOf, answerTo, type KnownAnswers } from '../pipeline/filters/known-answers.ts'
import { FilterBank, findDrop } from '../pipeline/filters/decide-filters.ts'
import { novelTexts, promptsFromSeeds, readGrown, settlePrompts } from '../pipeline/growing/read-grown.ts'
import { planGrowth } from '../pipeline/growing/self-instruct.ts'
import { askVerdict, readVerdict, rubricOfSettings } from '../pipeline/judging/expected-score.ts'
import { readSteps, type RecipeSteps } from '../pipeline/recipes/read-steps.ts'
import { selectRows } from '../pipeline/selecting/select-rows.ts'
import { RetortError } from '../protocol/errors.ts'
import type { GenerationEvent, GenerationSummary } from '../protocol/teacher.ts'
import { countSeeds, pageSeeds } from '../storage/seeds.ts'
import type { Machines } from './machines.ts'
import { weighStorage } from './storage-room.ts'
import { tellProgress } from './tell-progress.ts'

/** Rows that are tried. */
export const TRIED_ROWS = 5
/** Seeds that the trial draws from. */
const MOST_SEEDS = 500
/** Rounds of growing at most: a teacher that brings nothing in these would not do better in a trial. */
const MOST_ROUNDS = 2

/** A row as tried: like a stored one, but nowhere stored. `waiting` rows are not there yet. */
export interface TriedRow {
  readonly id: string
  readonly prompt: string
  /** True for a prompt that the teacher wrote, false for a seed asked as it is. */
  readonly grown: boolean
  readonly completion?: Completion
  readonly answers: readonly StepAnswer[]
  readonly verdict?: Verdict
  readonly status: 'waiting' | 'asked' | 'dropped' | 'kept'
  /** Name of the step that dropped it. */
  readonly droppedBy?: string
}

export interface TryProgress {
  /** Steps of the trial done and to do. */
  readonly done: number
  readonly total: number
  /** In words, for the status line. */
  readonly sentence: string
  readonly rows: readonly TriedRow[]
}

/** What the whole run will take, from what the five rows took. */
export interface TriedEstimate {
  readonly msTotal: number
  readonly storageBytes: number
  /** Completions the run will ask for. */
  readonly rows: number
  /** Tokens written: prompts and completions. */
  readonly tokens: number
  /** A sentence where the run will not fit in the storage that is left. */
  readonly warning?: string
}

export interface TriedRecipe {
  readonly rows: readonly TriedRow[]
  readonly estimate: TriedEstimate
  /** A sentence where growing brought fewer prompts than rows are tried, so that seeds stand in. */
  readonly note?: string
}

export interface TryFive {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
  readonly teacher: TeacherDescription
}
export type TryMachines = Pick<Machines, 'db' | 'teacher' | 'corpus' | 'now'>

/** Five rows through grow, complete, filters, judge and keep. Stores nothing. Throws an AbortError when `signal` ends. */
export async function* tryFive(
  machines: TryMachines,
  request: TryFive,
  signal?: AbortSignal,
): AsyncGenerator<TryProgress, TriedRecipe> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return yield* tellProgress<TryProgress, TriedRecipe>(
    (tell) => new Trial(machines, request, either, tell).go(),
    () => abort.abort(),
  )
}

type TriedCounts = {
  -readonly [K in keyof Tried]: Tried[K] extends number
    ? number
    : { -readonly [F in keyof Tried[K]]: Tried[K][F] }
}

class Trial {
  readonly #machines: TryMachines
  readonly #request: TryFive
  readonly #steps: RecipeSteps
  readonly #signal: AbortSignal
  readonly #tell: (progress: TryProgress) => void
  readonly #total: number
  /** Names what is made here, though none of it is stored. */
  readonly #runId: RunId = freshId('run')
  readonly #tried: TriedCounts = {
    growth: { requests: 0, accepted: 0, tokens: 0, ms: 0 },
    completions: { rows: 0, tokens: 0, ms: 0, passed: 0 },
    verdicts: { rows: 0, ms: 0 },
    kept: 0,
    characters: 0,
  }
  #answers: KnownAnswers = new Map()
  #rows: TriedRow[] = []
  #done = 0
  #sentence = ''
  #note: string | undefined

  constructor(
    machines: TryMachines,
    request: TryFive,
    signal: AbortSignal,
    tell: (progress: TryProgress) => void,
  ) {
    this.#machines = machines
    this.#request = request
    this.#signal = signal
    this.#tell = tell
    this.#steps = readSteps(request.recipe)
    this.#total = TRIED_ROWS * (1 + (this.#steps.grow ? 1 : 0) + (this.#steps.judge ? 1 : 0))
  }

  async go(): Promise<TriedRecipe> {
    const { db } = this.#machines
    const { projectId, recipe } = this.#request
    const seedCount = await countSeeds(db, projectId)
    const seeds = await pageSeeds(db, projectId, { from: 0, limit: MOST_SEEDS })
    if (seeds.length === 0)
      throw new RetortError(
        'Unexpected',
        'There are no seeds yet, so there is nothing to try. Add some on the Seeds screen.',
      )
    const grown = this.#steps.grow ? await this.#grow(seeds) : []
    const asked = promptsFromSeeds(seeds.slice(0, TRIED_ROWS), this.#runId, grown.length)
    if (this.#steps.grow && grown.length < TRIED_ROWS)
      this.#note = `Growing brought ${grown.length} usable ${grown.length === 1 ? 'prompt' : 'prompts'} in ${this.#tried.growth.requests} requests; seeds stand in for the rest.`
    this.#answers = answersOf(seeds)
    await this.#complete([...grown, ...asked])
    await this.#judge()
    this.#keep()
    const { storageBytes, msTotal, rows, tokens } = estimateRun(recipe, seedCount, this.#tried)
    const { warning } = await weighStorage(storageBytes)
    return {
      rows: this.#rows,
      estimate: { storageBytes, msTotal, rows, tokens, ...(warning === undefined ? {} : { warning }) },
      ...(this.#note === undefined ? {} : { note: this.#note }),
    }
  }

  async #grow(seeds: readonly Seed[]): Promise<Prompt[]> {
    const { corpus } = this.#machines
    const { projectId, recipe, teacher } = this.#request
    const { settings, index: step } = this.#steps.grow ?? expectStep('grow')
    const wanted = Math.min(TRIED_ROWS, settings.prompts)
    const pool = `try/${projectId}`
    const accepted: Prompt[] = []
    this.#say(`The teacher grows ${wanted} prompts from your seeds.`)
    await corpus.remember({ pool, texts: seeds.map(({ text }) => text), reset: true })
    for (let round = 0; round < MOST_ROUNDS && accepted.length < wanted; round++) {
      const plan = planGrowth({
        next: this.#tried.growth.requests,
        pool: { seeds, accepted },
        settings: { ...settings, prompts: wanted },
        rngSeed: recipe.rngSeed,
        contextLength: teacher.contextLength,
      })
      const results = new Map<string, CompletionResult>()
      const { ms, newTokens } = await this.#ask(
        (onEvent) =>
          this.#machines.teacher.complete(
            { requests: plan.map(({ request }) => request), partials: false },
            { signal: this.#signal, onEvent },
          ),
        (event) => {
          if (event.kind === 'completion') results.set(event.result.id, event.result)
        },
      )
      const candidates = plan.flatMap((planned) => {
        const result = results.get(planned.request.id)
        return result ? readGrown(planned, result, settings) : []
      })
      const texts = novelTexts(candidates)
      const novelty =
        texts.length > 0 ? await corpus.novelty({ pool, threshold: settings.novelty, candidates: texts }) : []
      const settled = settlePrompts({
        projectId,
        runId: this.#runId,
        step,
        teacher: refOf(teacher.card),
        candidates,
        novelty,
        wanted: wanted - accepted.length,
        order: accepted.length,
      })
      const usable = novelty.filter(({ kind }) => kind === 'kept').length
      accepted.push(...settled.filter(({ status }) => status === 'accepted'))
      const { growth } = this.#tried
      growth.requests += plan.length
      growth.accepted += usable // what was not needed counts too: a run would take it
      growth.tokens += newTokens
      growth.ms += ms
    }
    this.#done += TRIED_ROWS
    return accepted
  }

  async #complete(prompts: readonly Prompt[]): Promise<void> {
    const { recipe, teacher } = this.#request
    const { complete, filters } = this.#steps
    const planned = planCompletions({
      prompts,
      settings: complete.settings,
      rngSeed: recipe.rngSeed,
      teacher: refOf(teacher.card),
    }).slice(0, TRIED_ROWS)
    const grown = new Set(prompts.filter(({ origin }) => origin.kind === 'grown').map(({ id }) => id))
    this.#rows = planned.map(({ id, prompt, promptId }) => ({
      id,
      prompt,
      grown: grown.has(promptId),
      answers: [],
      status: 'waiting',
    }))
    this.#say(`The teacher answers ${planned.length} prompts.`)
    const byId = new Map(planned.map((row) => [row.request.id, row]))
    const { ms } = await this.#ask(
      (onEvent) =>
        this.#machines.teacher.complete(
          { requests: planned.map(({ request }) => request), partials: false },
          { signal: this.#signal, onEvent },
        ),
      (event) => {
        const row = event.kind === 'completion' ? byId.get(event.result.id) : undefined
        if (row && event.kind === 'completion') this.#answer(row, event.result)
      },
    )
    const bank = new FilterBank(filters)
    for (const row of this.#rows) {
      if (!row.completion || row.status === 'dropped') continue
      const answers = bank.decide({
        prompt: row.prompt,
        completion: row.completion.text,
        ending: row.completion.ending,
        ...answerTo(row.prompt, this.#answers),
      })
      const drop = findDrop(answers)
      this.#change(row.id, { answers, ...(drop ? { status: 'dropped', droppedBy: drop.name } : {}) })
    }
    const written = this.#rows.flatMap(({ completion }) => completion ?? [])
    this.#tried.completions = {
      rows: written.length,
      tokens: written.reduce((sum, { tokens }) => sum + tokens, 0),
      ms,
      passed: this.#rows.filter(({ status }) => status === 'asked').length,
    }
    this.#tried.characters = this.#rows.reduce(
      (sum, { prompt, completion }) => sum + prompt.length + (completion?.text.length ?? 0),
      0,
    )
  }

  #answer({ id, system, sampling }: PlannedRow, result: CompletionResult): void {
    const completion: Completion = {
      text: result.text.trim(),
      ending: result.ending,
      tokens: result.tokens,
      teacher: refOf(this.#request.teacher.card),
      system,
      sampling,
      writtenAt: this.#machines.now(),
    }
    const { index, name } = this.#steps.complete
    const refused =
      result.refusal === undefined ? undefined : [{ step: index, name, answer: dropped(result.refusal) }]
    this.#done += 1
    this.#change(id, {
      completion,
      ...(refused ? { answers: refused, status: 'dropped', droppedBy: name } : { status: 'asked' }),
    })
  }

  async #judge(): Promise<void> {
    const { judge } = this.#steps
    const standing = this.#rows.filter(({ status }) => status === 'asked')
    if (!judge || standing.length === 0) return
    const { card, contextLength } = this.#request.teacher
    const rubric = rubricOfSettings(judge.settings)
    this.#say(`The judge scores ${standing.length} ${standing.length === 1 ? 'answer' : 'answers'}.`)
    const facts = { rubric: rubric.name, judge: refOf(card), minMass: judge.settings.minMass }
    const give = (result: ScoreResult): void => {
      this.#done += 1
      this.#change(result.id, {
        verdict:
          result.refusal === undefined
            ? readVerdict(result, facts)
            : { kind: 'unreadable', rubric: rubric.name, judge: facts.judge, reason: result.refusal },
      })
    }
    const requests = standing.map(({ id, prompt, completion }) =>
      askVerdict(id, { prompt, completion: completion?.text ?? '' }, rubric, contextLength),
    )
    const { ms } = await this.#ask(
      (onEvent) => this.#machines.teacher.score({ requests }, { signal: this.#signal, onEvent }),
      (event) => {
        if (event.kind === 'score') give(event.result)
      },
    )
    this.#tried.verdicts = { rows: standing.length, ms }
  }

  #keep(): void {
    const standing = this.#rows.filter(({ status }) => status === 'asked')
    const said = selectRows(
      this.#steps.keeps,
      standing.map(({ id, prompt, verdict, completion }, order) => ({
        id,
        promptId: prompt,
        order,
        completion: completion?.text ?? '',
        ...(verdict ? { verdict } : {}),
      })),
    )
    for (const { id, answers } of standing) {
      const all = [...answers, ...(said.get(id) ?? [])]
      const drop = findDrop(all)
      this.#change(id, {
        answers: all,
        ...(drop ? { status: 'dropped', droppedBy: drop.name } : { status: 'kept' }),
      })
    }
    this.#tried.kept = this.#rows.filter(({ status }) => status === 'kept').length
  }

  /** One call of the teacher: its own count of tokens, and its time as this page's clock saw it. */
  async #ask(
    call: (onEvent: (event: GenerationEvent) => void) => Promise<GenerationSummary>,
    hear: (event: GenerationEvent) => void,
  ): Promise<{ ms: number; newTokens: number }> {
    const since = this.#machines.now()
    const { newTokens } = await call(hear)
    this.#signal.throwIfAborted()
    return { ms: this.#machines.now() - since, newTokens }
  }

  #change(id: string, changed: Partial<TriedRow>): void {
    this.#rows = this.#rows.map((row) => (row.id === id ? { ...row, ...changed } : row))
    this.#show()
  }
  #say(sentence: string): void {
    this.#sentence = sentence
    this.#show()
  }
  #show(): void {
    this.#tell({ done: this.#done, total: this.#total, sentence: this.#sentence, rows: this.#rows })
  }
}

const expectStep = (family: string): never => {
  throw new TypeError(`This recipe has no ${family} step.`)
}
