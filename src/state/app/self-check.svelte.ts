// Knows: the results of the last training self-check on this machine, and of the running one.
import {
  checkMachine,
  writeCheckReport,
  type CheckedMachine,
  type CheckProgress,
} from '../../actions/machine/check-machine.ts'
import { CHECK_GROUPS, type CheckGroup, type MachineCheck } from '../../domain/machine-check.ts'
import type { Backend } from '../../domain/machine.ts'
import type { Environment } from './environment.ts'
import { Task } from '../parts/task.svelte.ts'

export interface CheckedGroup {
  readonly group: CheckGroup
  readonly results: readonly MachineCheck[]
  readonly failed: number
}

export class SelfCheck {
  readonly task = new Task<CheckProgress>()
  backend = $state<Backend>('wasm')
  #outcome = $state.raw<CheckedMachine | undefined>()
  #results = $derived<readonly MachineCheck[]>(
    this.task.running ? (this.task.progress?.results ?? []) : (this.#outcome?.results ?? []),
  )
  #groups = $derived(
    CHECK_GROUPS.map((group): CheckedGroup => {
      const results = this.#results.filter((result) => result.group === group)
      return { group, results, failed: results.filter(({ ok }) => !ok).length }
    }).filter(({ results }) => results.length > 0),
  )
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  /** Outcome of the last check that finished. */
  get outcome(): CheckedMachine | undefined {
    return this.#outcome
  }
  get groups(): readonly CheckedGroup[] {
    return this.#groups
  }

  async start(): Promise<void> {
    const { backend } = this
    this.#outcome = undefined
    await this.task.follow(
      (signal) => checkMachine(this.#env.machines, backend, signal),
      async (outcome) => void (this.#outcome = outcome),
    )
  }

  /** Downloads the results as a text file; does nothing if there are none. */
  download(agent: string): void {
    if (this.#outcome) this.#env.deliver(writeCheckReport(this.#outcome, agent, this.#env.machines.now()))
  }
}
