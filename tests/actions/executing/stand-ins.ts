// Knows: machines that respond in any order and any batch, and can break; a journal on a store that a kill leaves as it is.
import type {
  ModelBatch,
  ModelCall,
  ModelResult,
  Models,
  Pools,
} from '../../../src/actions/executing/ports.ts'
import { hashOf } from '../../../src/domain/hash.ts'
import { makeRng, shuffle } from '../../../src/domain/rng.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { NoveltyPool } from '../../../src/pipeline/novelty-pool.ts'
import type { Journal } from '../../../src/actions/executing/ports.ts'
import { dropped, kept } from '../../../src/domain/filter-decision.ts'

/** What a machine does in place of a result. */
export type Mishap = { readonly refusal: string } | Error

/** The same text for the same request; results in an order that a seed decides. */
export class ModelsStandIn implements Models {
  /** Contents of every call that was made. */
  readonly made: string[] = []
  readonly batches: number[] = []
  mishap: (count: number, id: string) => Mishap | undefined = () => undefined
  readonly #batch: number
  readonly #order: string
  readonly #machine: (role: string) => string

  constructor({
    batch = 8,
    order = 'a',
    machine = () => 'one',
  }: { batch?: number; order?: string; machine?: (role: string) => string } = {}) {
    this.#batch = batch
    this.#order = order
    this.#machine = machine
  }

  identify = (role: string): string => `model of ${role}`
  machineOf = (role: string): string => this.#machine(role)
  batchOf = (): number => this.#batch

  async call(
    { kind, requests }: ModelBatch,
    signal: AbortSignal,
    onResult: (result: ModelResult) => void,
  ): Promise<void> {
    this.batches.push(requests.length)
    for (const request of shuffle<ModelCall['request']>(
      requests,
      makeRng(`${this.#order}/${this.batches.length}`),
    )) {
      await Promise.resolve()
      signal.throwIfAborted()
      const mishap = this.mishap(this.made.length, request.id)
      if (mishap instanceof Error) throw mishap
      const { id, ...rest } = request
      const contents = hashOf([kind, JSON.stringify(rest)])
      this.made.push(contents)
      if (kind === 'score') onResult({ id, logProbs: [-1, -2], ...mishap })
      else
        onResult({
          id,
          text: mishap ? '' : `text ${contents.slice(0, 8)}`,
          finishReason: mishap ? 'aborted' : 'end',
          promptTokens: 1,
          tokens: 2,
          ...mishap,
        })
    }
  }
}

/** Decides as the corpus worker does, from the pool's texts alone. */
export const poolsStandIn: Pools = {
  decide: async ({ texts, size }, threshold, candidates) => {
    const pool = new NoveltyPool()
    pool.add(...texts.slice(0, size))
    return candidates.map((text) => {
      const nearest = pool.nearest(text, 1, threshold)[0]
      if (nearest && nearest.score > threshold) return dropped('too similar', {}, nearest)
      pool.add(text)
      return kept()
    })
  },
}

/** Thrown by a journal at the write at which the tab was closed. */
export class Killed extends Error {}

/** Writes in sequence, one entry each; from write `killAt` on nothing is stored any more. */
export class KilledJournal implements Journal {
  readonly stored: Map<string, Reply>
  readonly #killAt: number
  readonly #failure = new AbortController()
  #writes = 0
  #waiting: (readonly [string, Reply])[] = []

  constructor(stored: Map<string, Reply>, killAt = Infinity) {
    this.stored = stored
    this.#killAt = killAt
  }

  get failed(): AbortSignal {
    return this.#failure.signal
  }
  read = async (keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> =>
    new Map(
      keys.flatMap((key) => {
        const reply = this.stored.get(key)
        return reply ? [[key, reply] as const] : []
      }),
    )
  record = (key: string, reply: Reply): void => {
    this.#waiting.push([key, reply])
    void Promise.resolve().then(() => this.#write())
  }
  #write(): void {
    for (const [key, reply] of this.#waiting.splice(0)) {
      this.#writes += 1
      if (this.#writes > this.#killAt) this.#failure.abort()
      if (!this.#failure.signal.aborted) this.stored.set(key, structuredClone(reply))
    }
  }
  drain = async (): Promise<void> => {
    this.#write()
    if (this.#failure.signal.aborted) throw new Killed('the tab was closed')
  }
}
