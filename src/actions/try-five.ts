// Knows: how a recipe is tried on five rows before it runs: through all steps. Only the replies of its calls are stored.
// Must not know: how rows are stored.
// Long because one class owns the rows, the measures and the progress of a trial through all steps.
import { rubricOfSettings } from '../pipeline/judging/rubric.ts'
import type { StepDecision } from '../domain/filter-decision.ts'
import { dropped } from '../domain/filter-decision.ts'
import type { Cast } from '../domain/cast.ts'
import { freshId, type ProjectId, type RunId } from '../domain/id.ts'
import type { ChatMessage, CompletionResult } from '../domain/completion-request.ts'
import { refOf } from '../domain/model-card.ts'
import { workNow } from '../domain/work-clock.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Completion } from '../domain/row.ts'
import type { Seed } from '../domain/seed.ts'
import type { StepVerdict } from '../domain/verdict.ts'
import { findNoResponse, planCompletions, type PlannedRow } from '../pipeline/completing/complete.ts'
import { estimateRun, type TrialMeasures } from '../pipeline/estimate.ts'
import { referencesOf, referenceFor, type References } from '../pipeline/filters/references.ts'
import { FilterBank, findDrop } from '../pipeline/filters/decide-filters.ts'
import { promptsFromSeeds } from '../pipeline/growing/read-grown.ts'
import { isEmptyText } from '../pipeline/judging/empty-text.ts'
import { judgeText } from '../pipeline/judging/judge-program.ts'
import { complete as completeCall } from '../pipeline/programs/program.ts'
import { readSteps, type RecipeSteps } from '../pipeline/recipes/read-steps.ts'
import { selectRows } from '../pipeline/selecting/select-rows.ts'
import { RetortError } from '../protocol/errors.ts'
import { countSeeds, pageSeeds } from '../storage/seeds.ts'
import type { RunControl } from './control.ts'
import { controlOf } from './executing/control-of.ts'
import { CorpusPools } from './executing/corpus-pools.ts'
import { Executor } from './executing/executor.ts'
import type { Journal } from './executing/ports.ts'
import { ModelSwaps } from './executing/model-swaps.ts'
import { castModels, RoleModels } from './executing/role-models.ts'
import { openJournal, writeOnly } from './executing/open-journal.ts'
import type { Machines } from './machines.ts'
import { checkStorageSpace } from './storage-space.ts'
import { streamProgress } from './stream-progress.ts'

/** Number of rows tried. */
export const TRIED_ROWS = 5
/** Max seeds that the trial draws from. */
const MAX_SEEDS = 500
/** Max rounds of growing: if these bring no prompt, more would not help a trial. */
const MAX_ROUNDS = 2

/** A tried row: like a stored one, but never stored. `waiting` rows have no completion yet. */
export interface TriedRow {
  readonly id: string
  readonly prompt: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[]
  /** True for a prompt that the teacher wrote, false for a seed used as the prompt. */
  readonly grown: boolean
  readonly completion?: Completion
  readonly decisions: readonly StepDecision[]
  /** What the judges said, in the order of the steps. */
  readonly verdicts?: readonly StepVerdict[]
  readonly status: 'waiting' | 'pending' | 'dropped' | 'kept'
  /** Name of the step that dropped it. */
  readonly droppedBy?: string
}

export interface TryProgress {
  /** Steps of the trial done and to do. */
  readonly done: number
  readonly total: number
  /** For the status line. */
  readonly sentence: string
  readonly rows: readonly TriedRow[]
}

/** Estimate of the whole run, from the measures of the five rows. */
export interface TriedEstimate {
  readonly msTotal: number
  readonly storageBytes: number
  /** Completions the run will generate. */
  readonly rows: number
  /** Generated tokens: prompts and completions. */
  readonly tokens: number
  /** A sentence if the run will not fit in the storage left. */
  readonly warning?: string
}

export interface TriedRecipe {
  readonly rows: readonly TriedRow[]
  readonly estimate: TriedEstimate
  /** For the next trial with these models. */
  readonly measures: TrialMeasures
  /** A sentence if growing yielded fewer prompts than rows are tried, so that seeds fill the rest. */
  readonly note?: string
}

export interface TryFive extends Cast {
  readonly projectId: ProjectId
  readonly recipe: CheckedRecipe
  /**
   * Measures of an earlier trial with these models. With them, calls that are in the journal are not made again; without, all are made,
   * because the estimate needs their time.
   */
  readonly earlier?: TrialMeasures
}
export type TryMachines = Pick<Machines, 'db' | 'teacher' | 'models' | 'corpus' | 'now'>

/**
 * Five rows through grow, complete, filters, judge and keep. Stores nothing but the replies of its calls, which the run then does not
 * request again. Throws an AbortError when `signal` aborts.
 */
export async function* tryFive(
  machines: TryMachines,
  request: TryFive,
  signal?: AbortSignal,
): AsyncGenerator<TryProgress, TriedRecipe> {
  const abort = new AbortController()
  const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
  return yield* streamProgress<TryProgress, TriedRecipe>(
    (report) => new Trial(machines, request, either, report).run(),
    () => abort.abort(),
  )
}

type TriedCounts = {
  -readonly [K in keyof TrialMeasures]: TrialMeasures[K] extends number
    ? number
    : { -readonly [F in keyof TrialMeasures[K]]: TrialMeasures[K][F] }
}

class Trial {
  readonly #machines: TryMachines
  readonly #request: TryFive
  readonly #steps: RecipeSteps
  readonly #signal: AbortSignal
  readonly #onProgress: (progress: TryProgress) => void
  readonly #total: number
  /** Part of the ids made here, though none of them is stored. */
  readonly #runId: RunId = freshId('run')
  readonly #tried: TriedCounts = {
    growth: { requests: 0, accepted: 0, tokens: 0, ms: 0 },
    completions: { rows: 0, tokens: 0, ms: 0, passed: 0 },
    verdicts: { rows: 0, ms: 0 },
    kept: 0,
    characters: 0,
  }
  readonly #control: RunControl
  readonly #journal: Journal
  readonly #swaps: ModelSwaps
  #grownRequests = 0
  #references: References = new Map()
  #rows: TriedRow[] = []
  #done = 0
  #sentence = ''
  #loading = ''
  #note: string | undefined

  constructor(
    machines: TryMachines,
    request: TryFive,
    signal: AbortSignal,
    onProgress: (progress: TryProgress) => void,
  ) {
    this.#machines = machines
    this.#request = request
    this.#signal = signal
    this.#onProgress = onProgress
    this.#steps = readSteps(request.recipe)
    this.#control = controlOf(signal).control
    this.#swaps = new ModelSwaps(machines, request, (loading) => {
      this.#loading = loading
      this.#show()
    })
    const journal = openJournal(machines.db, request.projectId, 'trial', 'The trial')
    this.#journal = request.earlier === undefined ? writeOnly(journal) : journal
    this.#total = TRIED_ROWS * (1 + (this.#steps.grow ? 1 : 0) + (this.#steps.judge ? 1 : 0))
  }

  async run(): Promise<TriedRecipe> {
    const { db } = this.#machines
    const { projectId, recipe } = this.#request
    const seedCount = await countSeeds(db, projectId)
    const seeds = await pageSeeds(db, projectId, { from: 0, limit: MAX_SEEDS })
    if (seeds.length === 0)
      throw new RetortError(
        'NoSeeds',
        'This project has no seeds yet. Add some on the Seeds screen, then try the recipe.',
      )
    // A name of its own: another trial of this project may still be ending.
    const pools = new CorpusPools(this.#machines.corpus, `${this.#runId}/tried prompts`)
    let grown: Prompt[] = []
    if (this.#steps.grow)
      try {
        grown = await this.#grow(seeds, pools)
      } finally {
        await pools.close()
      }
    const fromSeeds = promptsFromSeeds(seeds.slice(0, TRIED_ROWS), this.#runId, grown.length)
    if (this.#steps.grow && grown.length < TRIED_ROWS)
      this.#note = `Growing yielded ${grown.length} usable ${grown.length === 1 ? 'prompt' : 'prompts'} in ${this.#grownRequests} requests; seeds fill the rest.`
    this.#references = referencesOf(seeds)
    await this.#complete([...grown, ...fromSeeds])
    await this.#judge()
    this.#keep()
    const { storageBytes, msTotal, rows, tokens } = estimateRun(recipe, seedCount, this.#tried)
    const { warning } = await checkStorageSpace(storageBytes)
    return {
      rows: this.#rows,
      estimate: { storageBytes, msTotal, rows, tokens, ...(warning === undefined ? {} : { warning }) },
      measures: this.#tried,
      ...(this.#note === undefined ? {} : { note: this.#note }),
    }
  }

  async #grow(seeds: readonly Seed[], pools: CorpusPools): Promise<Prompt[]> {
    const { projectId, recipe, teacher } = this.#request
    const { settings, index: step, member } = this.#steps.grow ?? expectStep('grow')
    const wanted = Math.min(TRIED_ROWS, member.countPrompts(settings, seeds.length))
    const accepted: Prompt[] = []
    this.#setSentence(`The teacher grows ${wanted} prompts from your seeds.`)
    const measured = { requests: 0, accepted: 0, tokens: 0 }
    const stage = await this.#work(pools, (executor) =>
      executor.together(
        () =>
          member.grow(
            {
              projectId,
              runId: this.#runId,
              step,
              rngSeed: recipe.rngSeed,
              teacher: refOf(teacher.card),
              contextLength: teacher.contextLength,
              shown: seeds,
              seedTexts: seeds.map(({ text }) => text),
              prompts: [],
              requests: 0,
              limit: { prompts: wanted, rounds: MAX_ROUNDS },
            },
            settings,
          ),
        ({ prompts, usable, tokens }) => {
          accepted.push(...prompts.filter(({ status }) => status === 'accepted'))
          measured.accepted += usable // unneeded prompts count too: a run would accept them
          measured.tokens += tokens
        },
      ),
    )
    if (!stage.value.stopped) measured.requests = stage.value.outcome.requests
    this.#grownRequests = measured.requests
    this.#tried.growth = stage.isMeasured
      ? { ...measured, ms: stage.ms }
      : (this.#request.earlier?.growth ?? { ...measured, ms: stage.ms })
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
    this.#rows = planned.map(({ id, prompt, earlier, promptId }) => ({
      id,
      prompt,
      ...(earlier ? { earlier } : {}),
      grown: grown.has(promptId),
      decisions: [],
      status: 'waiting',
    }))
    this.#setSentence(
      `The teacher completes ${planned.length} ${planned.length === 1 ? 'prompt' : 'prompts'}.`,
    )
    const stage = await this.#work(undefined, (executor) =>
      executor.each({
        items: planned,
        program: ({ request }) => completeCall('teacher', request),
        onEnd: (row, result) => this.#addCompletion(row, result),
      }),
    )
    const bank = new FilterBank(filters)
    for (const row of this.#rows) {
      if (!row.completion || row.status === 'dropped') continue
      const decisions = bank.decide({
        prompt: row.prompt,
        completion: row.completion.text,
        finishReason: row.completion.finishReason,
        ...referenceFor(row.prompt, this.#references),
      })
      const drop = findDrop(decisions)
      this.#change(row.id, { decisions, ...(drop ? { status: 'dropped', droppedBy: drop.name } : {}) })
    }
    const written = this.#rows.flatMap(({ completion }) => completion ?? [])
    const measured = {
      rows: written.length,
      tokens: written.reduce((sum, { tokens }) => sum + tokens, 0),
      ms: stage.ms,
      passed: this.#rows.filter(({ status }) => status === 'pending').length,
    }
    const known = stage.isMeasured ? undefined : this.#request.earlier?.completions
    const earlier = known && known.rows > 0 ? known : undefined
    // What was in the journal took no time here: its time is the earlier trial's, for as many rows.
    this.#tried.completions =
      earlier === undefined ? measured : { ...measured, ms: (earlier.ms / earlier.rows) * measured.rows }
    this.#tried.characters = this.#rows.reduce(
      (sum, { prompt, completion }) => sum + prompt.length + (completion?.text.length ?? 0),
      0,
    )
  }

  #addCompletion({ id, system, sampling }: PlannedRow, result: Omit<CompletionResult, 'id'>): void {
    const completion: Completion = {
      text: result.text.trim(),
      finishReason: result.finishReason,
      tokens: result.tokens,
      teacher: refOf(this.#request.teacher.card),
      system,
      sampling,
      ...(result.reasoning === undefined ? {} : { reasoning: result.reasoning }),
      writtenAt: this.#machines.now(),
    }
    const { index, name } = this.#steps.complete
    const reason = findNoResponse(result)
    const refused = reason === undefined ? undefined : [{ step: index, name, decision: dropped(reason) }]
    this.#done += 1
    this.#change(id, {
      completion,
      ...(refused ? { decisions: refused, status: 'dropped', droppedBy: name } : { status: 'pending' }),
    })
  }

  async #judge(): Promise<void> {
    const { judge } = this.#steps
    const pending = this.#rows.filter(({ status }) => status === 'pending')
    if (!judge || pending.length === 0) return
    const { card, contextLength } = this.#request.judge ?? this.#request.teacher
    const rubric = rubricOfSettings(judge.settings)
    this.#setSentence(
      `The judge scores ${pending.length} ${pending.length === 1 ? 'completion' : 'completions'}.`,
    )
    const judging = { rubric, judge: refOf(card), settings: judge.settings, contextLength }
    const stage = await this.#work(undefined, (executor) =>
      executor.each({
        items: pending,
        program: ({ id, prompt, earlier, completion }) =>
          judgeText(id, { prompt, earlier, completion: completion?.text ?? '' }, judging),
        onEnd: ({ id }, verdict) => {
          this.#done += 1
          this.#change(id, { verdicts: [{ step: judge.index, verdict }] })
        },
      }),
    )
    const judged = pending.filter(({ completion }) => !isEmptyText(completion?.text ?? '')).length
    this.#tried.verdicts = stage.isMeasured
      ? { rows: judged, ms: stage.ms }
      : (this.#request.earlier?.verdicts ?? { rows: judged, ms: stage.ms })
  }

  #keep(): void {
    const pending = this.#rows.filter(({ status }) => status === 'pending')
    const selected = selectRows(
      this.#steps.keeps,
      pending.map(({ id, prompt, verdicts, completion }, order) => ({
        id,
        promptId: prompt,
        order,
        completion: completion?.text ?? '',
        ...(verdicts ? { verdicts } : {}),
      })),
    )
    for (const { id, decisions } of pending) {
      const all = [...decisions, ...(selected.get(id) ?? [])]
      const drop = findDrop(all)
      this.#change(id, {
        decisions: all,
        ...(drop ? { status: 'dropped', droppedBy: drop.name } : { status: 'kept' }),
      })
    }
    this.#tried.kept = this.#rows.filter(({ status }) => status === 'kept').length
  }

  /** Work of an executor, and how long it took; measured only if a machine made all of its calls. */
  async #work<T>(
    pools: CorpusPools | undefined,
    work: (executor: Executor) => Promise<T>,
  ): Promise<{ value: T; ms: number; isMeasured: boolean }> {
    const executor = new Executor({
      models: new RoleModels(castModels(this.#machines, this.#request), { swaps: this.#swaps }),
      journal: this.#journal,
      ...(pools === undefined ? {} : { pools }),
      control: this.#control,
    })
    const since = workNow()
    const value = await work(executor)
    this.#signal.throwIfAborted()
    const { made, replayed } = executor.counts
    return { value, ms: workNow() - since, isMeasured: replayed === 0 && made > 0 }
  }

  #change(id: string, changed: Partial<TriedRow>): void {
    this.#rows = this.#rows.map((row) => (row.id === id ? { ...row, ...changed } : row))
    this.#show()
  }
  #setSentence(sentence: string): void {
    this.#sentence = sentence
    this.#show()
  }
  #show(): void {
    const sentence = [this.#loading, this.#sentence].filter(Boolean).join(' ')
    this.#onProgress({ done: this.#done, total: this.#total, sentence, rows: this.#rows })
  }
}

const expectStep = (family: string): never => {
  throw new TypeError(`This recipe has no ${family} step.`)
}
