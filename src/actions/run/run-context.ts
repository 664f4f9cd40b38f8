// Knows: what every phase of a run uses.
import { modelOf, type Cast } from '../../domain/cast.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import { refOf } from '../../domain/model-card.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { RecipeSteps } from '../../pipeline/recipes/read-steps.ts'
import { guardQuota } from '../../storage/quota.ts'
import { writeRows } from '../../storage/rows.ts'
import { CorpusPools } from '../executing/corpus-pools.ts'
import { Executor } from '../executing/executor.ts'
import { StoredJournal } from '../executing/stored-journal.ts'
import { ModelSwaps } from '../executing/model-swaps.ts'
import { castModels, RoleModels } from '../executing/role-models.ts'
import type { RunControl } from '../control.ts'
import type { Machines } from '../machines.ts'
import type { LiveRun } from './live-run.ts'
import type { RunStore } from '../executing/run-store.ts'
import { RowWriter } from './row-writer.ts'
import { storedRun } from './stored-run.ts'

export interface RunContext {
  readonly machines: Pick<Machines, 'now'>
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly recipe: CheckedRecipe
  readonly steps: RecipeSteps
  /** The models of the recipe's roles. */
  readonly cast: Cast
  /** For a trial: at most this many prompts and completions, and rounds of growing. */
  readonly limit?: { readonly rows: number; readonly rounds: number }
  readonly live: LiveRun
  readonly executor: Executor
  readonly store: RunStore
}

type Parts = Omit<RunContext, 'executor' | 'store' | 'limit' | 'machines'> & {
  readonly machines: Pick<Machines, 'db' | 'teacher' | 'models' | 'corpus' | 'now'>
  readonly control: RunControl
}

/** What the phases use, and how it is released at the end. */
export function openContext({ control, ...parts }: Parts): {
  context: RunContext
  close: () => Promise<void>
} {
  const { machines, projectId, runId, cast, live } = parts
  const { db } = machines
  // A full disk is reported in a sentence.
  const writer = new RowWriter(
    async ({ put, change, replies, used }) =>
      void (await guardQuota('The rows of this run', () =>
        writeRows(db, projectId, put, change, { user: runId, replies, used }),
      )),
  )
  const pools = new CorpusPools(machines.corpus, `${runId}/prompts`)
  const executor = new Executor({
    models: new RoleModels(castModels(machines, cast), {
      swaps: new ModelSwaps(machines, cast, (sentence) => live.showLoading(sentence)),
      onTokens: (progress) => live.addTokens(progress),
    }),
    journal: new StoredJournal(db, projectId, runId, writer),
    pools,
    control,
    onBatch: () => live.startCall(),
  })
  live.countCalls = () => executor.counts
  const store = storedRun(db, projectId, runId, writer)
  return { context: { ...parts, executor, store }, close: () => pools.close() }
}

/** What a step of this run is given. */
export const stageContext = ({ cast, recipe }: RunContext, step: number): StageContext => ({
  step,
  rngSeed: recipe.rngSeed,
  modelOf: (role) => {
    const { card, contextLength } = modelOf(cast)(role)
    return { ref: refOf(card), contextLength }
  },
})

/** Rows read at a time: what a page of them takes to arrive is one task of the page's thread. */
export const ROWS_PER_PAGE = 500
/** Rows of one transaction. */
export const ROWS_PER_WRITE = 500

/** Chunks of a list. */
export function* inChunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}
