// Knows: how a recipe is tried on five rows before it runs: the run's own phases over a run in memory. Only the replies of its calls are
// stored.
// Must not know: how a phase works.
import type { Cast } from '../../domain/cast.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { StepDecision } from '../../domain/filter-decision.ts'
import { freshId, type ProjectId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Completion, Row } from '../../domain/row.ts'
import type { StepVerdict } from '../../domain/verdict.ts'
import { estimateRun, type TrialMeasures } from '../../pipeline/estimate.ts'
import { readSteps, type RecipeSteps } from '../../pipeline/recipes/read-steps.ts'
import { RetortError } from '../../protocol/errors.ts'
import { countSeeds, pageSeeds } from '../../storage/seeds.ts'
import { controlOf } from '../executing/control-of.ts'
import { CorpusPools } from '../executing/corpus-pools.ts'
import { Executor } from '../executing/executor.ts'
import { MemoryRun } from '../executing/memory-run.ts'
import { ModelSwaps } from '../executing/model-swaps.ts'
import { castModels, RoleModels } from '../executing/role-models.ts'
import { openJournal, writeOnly } from '../executing/open-journal.ts'
import type { Machines } from '../machines.ts'
import { LiveRun } from '../run/live-run.ts'
import { runPhases } from '../run/run-phases.ts'
import { checkStorageSpace } from '../machine/storage-space.ts'
import { streamProgress } from '../stream-progress.ts'

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
  /** The row that it revises. */
  readonly parent?: string
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
  /** Why growing yielded fewer prompts than rows are tried, so that seeds fill the rest; what it left out. */
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

class Trial {
  readonly #machines: TryMachines
  readonly #request: TryFive
  readonly #steps: RecipeSteps
  readonly #signal: AbortSignal
  readonly #onProgress: (progress: TryProgress) => void
  readonly #live: LiveRun
  #store = new MemoryRun([])
  #grown: ReadonlySet<string> = new Set()

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
    this.#live = new LiveRun(request.recipe, request, () => this.#show())
  }

  async run(): Promise<TriedRecipe> {
    const { db } = this.#machines
    const { projectId, recipe, earlier } = this.#request
    const seedCount = await countSeeds(db, projectId)
    const seeds = await pageSeeds(db, projectId, { from: 0, limit: MAX_SEEDS })
    if (seeds.length === 0)
      throw new RetortError(
        'NoSeeds',
        'This project has no seeds yet. Add some on the Seeds screen, then try the recipe.',
      )
    this.#store = new MemoryRun(seeds, () => this.#show())
    const runId = freshId('run')
    // A name of its own: another trial of this project may still be ending.
    const pools = new CorpusPools(this.#machines.corpus, `${runId}/tried prompts`)
    const { control, release } = controlOf(this.#signal)
    const journal = openJournal(db, projectId, 'trial', 'The trial')
    const executor = new Executor({
      models: new RoleModels(castModels(this.#machines, this.#request), {
        swaps: new ModelSwaps(this.#machines, this.#request, (sentence) => this.#live.showLoading(sentence)),
        onTokens: (progress) => this.#live.addTokens(progress),
      }),
      journal: earlier === undefined ? writeOnly(journal) : journal,
      pools,
      control,
      onBatch: () => this.#live.startCall(),
    })
    try {
      await runPhases({
        machines: this.#machines,
        projectId,
        runId,
        recipe,
        steps: this.#steps,
        cast: this.#request,
        limit: { rows: TRIED_ROWS, rounds: MAX_ROUNDS },
        live: this.#live,
        executor,
        store: this.#store,
      })
    } finally {
      release()
      await pools.close()
    }
    this.#signal.throwIfAborted()
    await this.#findGrown()
    const measures = this.#measure(executor.counts.replayed > 0)
    const { storageBytes, msTotal, rows, tokens } = estimateRun(recipe, seedCount, measures)
    const { warning } = await checkStorageSpace(storageBytes)
    const notes = [this.#note(), ...this.#store.notes].filter((sentence) => sentence !== undefined)
    return {
      rows: this.#rows(),
      estimate: { storageBytes, msTotal, rows, tokens, ...(warning === undefined ? {} : { warning }) },
      measures,
      ...(notes.length === 0 ? {} : { note: notes.join(' ') }),
    }
  }

  /** What the five rows took; where replies came from the journal, their time is that of the earlier trial, for as many rows. */
  #measure(isReplayed: boolean): TrialMeasures {
    const { earlier } = this.#request
    const { growers, completers } = this.#steps
    const first = completers[0]?.index ?? 0
    const rows = this.#store.list()
    const written = rows.filter(({ parent }) => parent === undefined)
    const passed = written.filter(({ decisions }) => !decisions.some(isDropOfFilter(this.#steps))).length
    const promptSteps = this.#steps.promptStages.map(({ index }) => index)
    const later = this.#steps.stages.map(({ index }) => index)
    const ms = (steps: readonly number[]): number =>
      steps.reduce((sum, step) => sum + this.#live.msOf(step), 0)
    const measured: TrialMeasures = {
      growth: growers.map(({ index }) => ({ step: index, ...this.#live.grownBy(index), ms: ms([index]) })),
      completions: {
        rows: written.length,
        tokens: written.reduce((sum, { completion }) => sum + completion.tokens, 0),
        // Tags of prompts come with the completions of these prompts.
        ms: ms([...promptSteps, first]),
        passed,
      },
      verdicts: { rows: later.length > 0 ? passed : 0, ms: ms(later) },
      kept: rows.filter(({ status }) => status === 'kept').length,
      characters: rows.reduce(
        (sum, { prompt, completion }) => sum + prompt.length + completion.text.length,
        0,
      ),
    }
    if (!isReplayed || earlier === undefined) return measured
    const scale = <T extends { readonly rows: number; readonly ms: number }>(now: T, before: T): T =>
      before.rows > 0 ? { ...now, ms: (before.ms / before.rows) * now.rows } : now
    return {
      ...measured,
      growth: measured.growth.map(
        (now) => earlier.growth.find(({ step, requests }) => step === now.step && requests > 0) ?? now,
      ),
      completions: scale(measured.completions, earlier.completions),
      verdicts: scale(measured.verdicts, earlier.verdicts),
    }
  }

  async #findGrown(): Promise<void> {
    const prompts = await this.#store.prompts()
    this.#grown = new Set(prompts.filter(({ origin }) => origin.kind === 'grown').map(({ id }) => id))
  }

  /** Why seeds fill the rest, if they do. */
  #note(): string | undefined {
    const [grow] = this.#steps.growers
    const accepted = this.#store.list().filter(({ promptId }) => this.#grown.has(promptId))
    const prompts = new Set(accepted.map(({ promptId }) => promptId)).size
    if (grow === undefined || accepted.length >= TRIED_ROWS) return undefined
    const { requests } = this.#live.grownBy(grow.index)
    return `Growing yielded ${prompts} usable ${prompts === 1 ? 'prompt' : 'prompts'} in ${requests} requests; seeds fill the rest.`
  }

  #rows(): TriedRow[] {
    return this.#store.list().map((row) => toTried(row, this.#grown.has(row.promptId)))
  }

  #show(): void {
    const { stages: all, sentence } = this.#live.progress()
    const stages = all.filter(({ model }) => model !== undefined)
    const total = stages.reduce(
      (sum, stage) => sum + Math.max(stage.total, stage.status === 'waiting' ? TRIED_ROWS : 0),
      0,
    )
    const done = stages.reduce((sum, stage) => sum + Math.min(stage.done, stage.total), 0)
    this.#onProgress({ done, total, sentence, rows: this.#rows() })
  }
}

/** Whether a decision is a drop by a filter that follows the complete steps at once. */
const isDropOfFilter =
  ({ filters, completers }: RecipeSteps) =>
  ({ step, decision }: StepDecision): boolean =>
    decision.kind === 'dropped' && [...filters, ...completers].some(({ index }) => index === step)

const toTried = (
  { id, prompt, earlier, parent, completion, decisions, verdicts, status, droppedBy }: Row,
  grown: boolean,
): TriedRow => ({
  id,
  prompt,
  ...(earlier ? { earlier } : {}),
  ...(parent === undefined ? {} : { parent }),
  grown,
  completion,
  decisions,
  ...(verdicts ? { verdicts } : {}),
  status: status === 'rejected' ? 'pending' : status,
  ...(droppedBy === undefined ? {} : { droppedBy }),
})
