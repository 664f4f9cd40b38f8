// Knows: a pool of texts in the corpus worker, filled as far as the next decision needs.
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { PoolState } from '../../pipeline/programs/text-pool.ts'
import type { Machines } from '../machines.ts'
import type { Pools } from './ports.ts'

/** Texts per message to the worker. */
const TEXTS_PER_CALL = 5000

/** One growing pool under a name of its own; to be closed at the end. */
export class CorpusPools implements Pools {
  readonly #corpus: Machines['corpus']
  readonly #name: string
  /** The texts that the worker has, from the front of the pool; undefined before the first decision. */
  #sent: string[] | undefined

  constructor(corpus: Machines['corpus'], name: string) {
    this.#corpus = corpus
    this.#name = name
  }

  async decide(
    pool: PoolState,
    threshold: number,
    candidates: readonly string[],
  ): Promise<readonly FilterDecision[]> {
    const sent = this.#sent
    const isGrown =
      sent !== undefined && sent.length <= pool.size && sent.every((text, i) => text === pool.texts[i])
    if (!isGrown) await this.#corpus.remember({ pool: this.#name, texts: [], reset: true })
    const texts = isGrown ? sent : []
    for (let from = texts.length; from < pool.size; from = texts.length) {
      const some = pool.texts.slice(from, Math.min(pool.size, from + TEXTS_PER_CALL))
      await this.#corpus.remember({ pool: this.#name, texts: some })
      texts.push(...some)
    }
    const decisions = await this.#corpus.novelty({ pool: this.#name, threshold, candidates })
    // The worker adds what it keeps.
    texts.push(...candidates.filter((_, i) => decisions[i]?.kind === 'kept'))
    this.#sent = texts
    return decisions
  }

  /** Frees the worker's memory; a worker that died has forgotten the pool. */
  async close(): Promise<void> {
    await this.#corpus.forget({ pool: this.#name }).catch(() => undefined)
  }
}
