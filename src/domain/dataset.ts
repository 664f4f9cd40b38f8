// Knows: a dataset, frozen rows under the hash of their contents, split by seed.
import {
  fullContentId,
  type DatasetId,
  type ProjectId,
  type RecipeHash,
  type RowId,
  type RunId,
  type SeedId,
} from './id.ts'
import type { ChatMessage } from './completion-request.ts'
import type { Fields } from './fields.ts'
import type { FunnelBar } from './run.ts'
import type { ModelRef } from './model-card.ts'
import type { Role } from './role.ts'

export type Split = 'train' | 'held-out'

export interface DatasetRow {
  /** Depends on the row's contents alone, so that two equal runs export equal ids. */
  readonly rowId: RowId
  readonly seedId: SeedId
  readonly split: Split
  readonly system: string
  readonly prompt: string
  /** The messages before the prompt, if there are any; a system message among them takes the place of `system`. */
  readonly earlier?: readonly ChatMessage[]
  readonly completion: string
  /** The judge's expected score, if it was judged. */
  readonly score?: number
  readonly editedByHand: boolean
  /** Every readable verdict on its texts; absent if there is none, and in datasets of earlier versions. */
  readonly scores?: readonly { readonly rubric: string; readonly judge: string; readonly score: number }[]
  /** Named values of its prompt and of its own. */
  readonly fields?: Fields
  /** Name of the model that wrote it, or `a person`; absent: the dataset's teacher. */
  readonly writtenBy?: string
  /** The completion of the same prompt that this one is preferred to, if the recipe makes pairs. */
  readonly rejected?: { readonly completion: string; readonly score?: number }
}

export interface Dataset {
  readonly projectId: ProjectId
  /** Hash of the rows in their order. */
  readonly id: DatasetId
  readonly runId: RunId
  readonly recipeHash: RecipeHash
  readonly recipeText: string
  readonly frozenAt: number
  readonly rows: { readonly train: number; readonly heldOut: number }
  /** Rows with a rejected completion; absent if there are none. */
  readonly pairs?: number
  readonly teacher: ModelRef
  /** The models whose verdicts its run's rows carry; absent in datasets frozen by an earlier version. */
  readonly judges?: readonly ModelRef[]
  /** The models of the run's other roles, by role; absent if they had none of their own. */
  readonly models?: Readonly<Record<Role, ModelRef>>
  /** Seeds that its rows belong to, which is what the split goes by. */
  readonly seeds: number
  /** Seeds that the run showed as examples or used as prompts, and all seeds of the project; absent in datasets of version 0.1. */
  readonly seedsUsed?: { readonly shown: number; readonly of: number }
  /** Rows that a person rejected before freezing; absent if there are none. */
  readonly rejectedByHand?: number
  /** What its run did not use or make, each a sentence; absent if nothing, and in datasets of earlier versions. */
  readonly notes?: readonly string[]
  /** The funnel at the time the rows were frozen, for the data card. */
  readonly funnel: readonly FunnelBar[]
}

/**
 * A dataset's id depends on its rows alone. Scores count to one decimal: their last digits differ between threads and backends,
 * and the same rows should have the same name.
 */
export const datasetId = (rows: readonly DatasetRow[]): DatasetId =>
  hashRows(rows, (score) => Math.round(10 * score) / 10)

/** The id that datasets of record version 2 have, with all digits of the scores. */
export const datasetIdOfVersion2 = (rows: readonly DatasetRow[]): DatasetId =>
  hashRows(rows, (score) => score)

const hashRows = (rows: readonly DatasetRow[], read: (score: number) => number): DatasetId => {
  const readScore = (score: number | undefined): number | null => (score === undefined ? null : read(score))
  return fullContentId(
    'dataset',
    rows.map(({ seedId, split, system, prompt, earlier, completion, score, rejected }) => [
      seedId,
      split,
      system,
      prompt,
      completion,
      readScore(score),
      ...(rejected ? [rejected.completion, readScore(rejected.score)] : []),
      // Only where there are some: rows without keep the ids of versions that had none.
      ...(earlier ? [earlier.map(({ role, content }) => [role, content])] : []),
    ]),
  )
}
