// Knows: the novelty pools of the runs and trials in progress, by name: each has its own texts, so that neither sees the other's.
import type { FilterDecision } from '../../src/domain/filter-decision.ts'
import { NoveltyPool } from '../../src/pipeline/novelty-pool.ts'
import { RetortError } from '../../src/protocol/errors.ts'

export class NoveltyPools {
  readonly #pools = new Map<string, NoveltyPool>()

  /** Names of the pools that are held. */
  get names(): readonly string[] {
    return [...this.#pools.keys()]
  }

  /** Adds texts to a pool: to a new one with `reset`, or if there is none. */
  remember(name: string, texts: readonly string[], reset = false): void {
    const known = reset ? undefined : this.#pools.get(name)
    const pool = known ?? new NoveltyPool()
    this.#pools.set(name, pool)
    pool.add(...texts)
  }

  /**
   * Decides on candidates; those that are kept are added to the pool. Throws `WorkerDied` if there is no such pool: this worker was
   * restarted since it was filled, and an empty one would keep texts that the full one drops.
   */
  decide(name: string, candidates: readonly string[], threshold: number): readonly FilterDecision[] {
    const pool = this.#pools.get(name)
    if (pool === undefined)
      throw new RetortError(
        'WorkerDied',
        'The background worker that compares prompts was restarted. Stored data is safe; try again.',
      )
    return pool.decideAll(candidates, threshold)
  }

  /** Frees a pool. */
  forget(name: string): void {
    this.#pools.delete(name)
  }
}
