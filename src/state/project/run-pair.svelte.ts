// Knows: two runs that are compared with each other, and what the comparison found.
import type { RunsCompared } from '../../actions/run/compare-runs.ts'
import type { Run } from '../../domain/run.ts'
import type { Problem } from '../../domain/problem.ts'
import type { Environment } from '../app/environment.ts'
import { compareRuns } from '../app/later.ts'
import { Task } from '../parts/task.svelte.ts'

export type { PairedRows } from '../../pipeline/comparing-runs/pair-rows.ts'

export interface ComparedPair {
  readonly first: Run
  readonly second: Run
  readonly compared: RunsCompared
}

export class RunPair {
  readonly task = new Task()
  #pair = $state.raw<ComparedPair | undefined>()
  #problems = $state.raw<readonly Problem[]>([])
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  get found(): ComparedPair | undefined {
    return this.#pair
  }
  /** Why the runs could not be compared. */
  get problems(): readonly Problem[] {
    return this.task.error === undefined ? this.#problems : [{ sentence: this.task.error }]
  }

  async compare(first: Run, second: Run): Promise<void> {
    this.clear()
    const compared = await this.task.do((signal) =>
      compareRuns(this.#env.machines.db, { first, second }, signal),
    )
    if (compared === undefined) return
    if (compared.ok) this.#pair = { first, second, compared: compared.value }
    else this.#problems = compared.problems
  }

  clear(): void {
    this.#pair = undefined
    this.#problems = []
  }
}
