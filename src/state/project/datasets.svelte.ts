// Knows: a project's frozen datasets, and how to freeze one.
import { freezeDataset, type FreezeProgress } from '../../actions/datasets/freeze-dataset.ts'
import { mergeLabels, unmergeLabels } from '../../actions/datasets/merge-labels.ts'
import type { Dataset } from '../../domain/dataset.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import type { LabelGroup } from '../../pipeline/training/near-equal-labels.ts'
import { listDatasets } from '../../storage/datasets.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

export class Datasets {
  #list = $state.raw<readonly Dataset[]>([])
  #problems = $state.raw<readonly Problem[]>([])
  #frozen = $state.raw<Dataset | undefined>()
  readonly task = new Task<FreezeProgress>()
  readonly merging = new Task()
  readonly undo = new Undo()
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId) {
    this.#env = env
    this.#projectId = projectId
  }

  /** Newest first. */
  get list(): readonly Dataset[] {
    return this.#list
  }
  /** Why the rows could not be frozen. */
  get problems(): readonly Problem[] {
    return this.#problems
  }
  /** The dataset frozen most recently in this session. */
  get frozen(): Dataset | undefined {
    return this.#frozen
  }

  async refresh(): Promise<void> {
    this.#list = (await listDatasets(this.#env.machines.db, this.#projectId)).toSorted(
      (a, b) => b.frozenAt - a.frozenAt,
    )
  }

  /** Gives the rows of a dataset's run one spelling of each label and freezes them again; can be undone. Undefined if that failed. */
  async mergeLabels(
    { runId }: Pick<Dataset, 'runId'>,
    groups: readonly LabelGroup[],
  ): Promise<Dataset | undefined> {
    const { machines } = this.#env
    const before = await this.merging.do(() =>
      mergeLabels(machines, { projectId: this.#projectId, runId, groups }),
    )
    if (before === undefined) return undefined
    const merged = await this.freeze(runId)
    this.undo.put(
      `${before.length} ${before.length === 1 ? 'label was' : 'labels were'} changed, and the rows frozen again.`,
      async () => {
        await this.merging.do(() => unmergeLabels(machines, before))
        await this.freeze(runId)
      },
    )
    return merged
  }

  async freeze(runId: RunId): Promise<Dataset | undefined> {
    this.#problems = []
    this.#frozen = undefined
    const start = (signal: AbortSignal) =>
      freezeDataset(this.#env.machines, { projectId: this.#projectId, runId }, signal)
    const frozen = await this.task.follow(start, async (ended) => {
      await this.refresh()
      if (ended.ok) this.#frozen = ended.value
      else this.#problems = ended.problems
    })
    return frozen?.ok ? frozen.value : undefined
  }
}
