// Knows: what was proven of the training on this machine, and what is being tried just now.
import {
  checkMachine,
  writeCheckReport,
  type CheckedMachine,
  type CheckProgress,
} from '../actions/check-machine.ts'
import { CHECK_GROUPS, type CheckGroup, type MachineCheck } from '../domain/machine-check.ts'
import type { Backend } from '../domain/model.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

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
    this.task.going ? (this.task.progress?.results ?? []) : (this.#outcome?.results ?? []),
  )
  #groups = $derived(
    CHECK_GROUPS.map((group): CheckedGroup => {
      const results = this.#results.filter((result) => result.group === group)
      return { group, results, failed: results.filter(({ ok }) => !ok).length }
    }).filter(({ results }) => results.length > 0),
  )
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** How the last one that came to its end came out. */
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
      (signal) => checkMachine(this.#around.machines, backend, signal),
      async (outcome) => void (this.#outcome = outcome),
    )
  }

  /** Gives the results to the person as a text; nothing happens while there are none. */
  take(agent: string): void {
    if (this.#outcome)
      this.#around.deliver(writeCheckReport(this.#outcome, agent, this.#around.machines.now()))
  }
}
