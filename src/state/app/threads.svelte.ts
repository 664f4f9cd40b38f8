// Knows: the number of threads that the runtime starts with: measured when it first starts here, or when a person wants it again.
import {
  findMeasuredThreads,
  measureThreads,
  type ThreadsMachine,
} from '../../actions/machine/measure-threads.ts'
import type { MeasuredThreads } from '../../domain/measured-threads.ts'
import { Task } from '../parts/task.svelte.ts'

export class Threads {
  #measured = $state.raw<MeasuredThreads | undefined>()
  #choosing: Promise<MeasuredThreads | undefined> | undefined
  readonly measuring = new Task()
  readonly #machine: ThreadsMachine | undefined

  /** Without a machine there is one thread, and nothing to measure. */
  constructor(machine: ThreadsMachine | undefined) {
    this.#machine = machine
  }

  get measured(): MeasuredThreads | undefined {
    return this.#measured
  }
  get canMeasure(): boolean {
    return this.#machine !== undefined
  }

  /** Reads what was measured earlier. */
  async refresh(): Promise<void> {
    if (this.#machine !== undefined) this.#measured ??= await findMeasuredThreads(this.#machine)
  }

  /** The number to start with: stored, else measured now. Undefined if nothing can be measured. */
  async choose(): Promise<number | undefined> {
    this.#choosing ??= this.refresh().then(() => this.#measured ?? this.measure())
    return (await this.#choosing)?.threads
  }

  /** Measures again. What runs keeps its threads; the next start has the new number. */
  async measure(): Promise<MeasuredThreads | undefined> {
    const machine = this.#machine
    if (machine === undefined) return undefined
    const measured = await this.measuring.do(() => measureThreads(machine))
    if (measured !== undefined) {
      this.#measured = measured
      this.#choosing = Promise.resolve(measured)
    }
    return measured
  }
}
