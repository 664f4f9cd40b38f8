// Knows: a project's seeds: their number, the pages in view, the result of the last import.
import { addSeeds, type SeedProgress, type SeedSource } from '../actions/add-seeds.ts'
import { removeSeeds } from '../actions/remove-seeds.ts'
import { restoreSeeds } from '../actions/restore-seeds.ts'
import type { ProjectId, SeedId } from '../domain/id.ts'
import type { Seed } from '../domain/seed.ts'
import type { SeedsRead } from '../protocol/corpus.ts'
import { sentenceOf } from '../protocol/errors.ts'
import { countSeeds, pageSeeds } from '../storage/seeds.ts'
import type { Environment } from './environment.ts'
import { Task } from './task.svelte.ts'
import { Undo } from './undo.svelte.ts'

const PAGE = 100
/** Max pages in memory: the list can be of any length. */
const MAX_PAGES = 60

export class Seeds {
  #count = $state(0)
  #ready = $state(false)
  #pages = $state.raw<ReadonlyMap<number, readonly Seed[]>>(new Map())
  #read = $state.raw<SeedsRead | undefined>()
  #source = $state('')
  readonly task = new Task<SeedProgress>()
  readonly undo = new Undo()
  readonly #env: Environment
  readonly #projectId: ProjectId
  readonly #requested = new Set<number>()

  constructor(env: Environment, projectId: ProjectId) {
    this.#env = env
    this.#projectId = projectId
  }

  get count(): number {
    return this.#count
  }
  /** The count has been read. */
  get ready(): boolean {
    return this.#ready
  }
  /** Result of the last import. */
  get read(): SeedsRead | undefined {
    return this.#read
  }
  /** Name of the file read last, or `your text`. */
  get source(): string {
    return this.#source
  }

  /** The seed at an index of the list; undefined until its page is loaded, which this call requests. */
  at(index: number): Seed | undefined {
    const page = Math.floor(index / PAGE)
    const seeds = this.#pages.get(page)
    if (seeds === undefined && !this.#requested.has(page)) {
      this.#requested.add(page)
      queueMicrotask(() => void this.#loadPage(page))
    }
    return seeds?.[index - page * PAGE]
  }

  async refresh(): Promise<void> {
    this.#count = await countSeeds(this.#env.machines.db, this.#projectId)
    this.#requested.clear()
    this.#pages = new Map()
    this.#ready = true
  }

  /** Reads a file or text and stores its valid rows. */
  async add(source: SeedSource): Promise<SeedsRead | undefined> {
    this.#source = source.kind === 'file' ? source.file.name : 'your text'
    this.#read = undefined
    this.undo.dismiss()
    const start = (signal: AbortSignal) =>
      addSeeds(this.#env.machines, { projectId: this.#projectId, source }, signal)
    const read = await this.task.follow(start, async (all) => {
      await this.refresh()
      this.#read = all
      if (all.added > 0) this.#offerRemoval(all)
    })
    if (read === undefined) await this.refresh() // what was stored before a stop stays
    return read
  }

  async remove(seed: Seed): Promise<void> {
    const removed = await removeSeeds(this.#env.machines, { projectId: this.#projectId, ids: [seed.id] })
    await this.refresh()
    this.undo.put('Seed deleted.', () => this.#restore(removed))
  }

  dismissProblems(): void {
    this.#read = undefined
  }

  #offerRemoval({ addedIds }: SeedsRead): void {
    // The screen reports the added seeds itself.
    this.undo.put('', async () => {
      const ids = addedIds as readonly SeedId[] // the corpus worker made these ids from the seeds that it stored
      const removed = await removeSeeds(this.#env.machines, { projectId: this.#projectId, ids })
      this.#read = undefined
      await this.refresh()
      this.undo.put(`${removed.length.toLocaleString('en')} seeds removed.`, () => this.#restore(removed))
    })
  }

  async #restore(seeds: readonly Seed[]): Promise<void> {
    await this.task.do(() => restoreSeeds(this.#env.machines, { seeds }))
    await this.refresh()
  }

  async #loadPage(page: number): Promise<void> {
    try {
      const seeds = await pageSeeds(this.#env.machines.db, this.#projectId, {
        from: page * PAGE,
        limit: PAGE,
      })
      const pages = new Map(this.#pages).set(page, seeds)
      for (const old of pages.keys()) {
        if (pages.size <= MAX_PAGES) break
        pages.delete(old)
        this.#requested.delete(old)
      }
      this.#pages = pages
    } catch (thrown) {
      console.warn(sentenceOf(thrown)) // the list shows gaps; `refresh` reports the same error to the person
    }
  }
}
