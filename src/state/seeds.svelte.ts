// Knows: a project's seeds: how many, those that are looked at, what the last reading gave.
import { addSeeds, type SeedProgress, type SeedSource } from '../actions/add-seeds.ts'
import { removeSeeds } from '../actions/remove-seeds.ts'
import { restoreSeeds } from '../actions/restore-seeds.ts'
import type { ProjectId, SeedId } from '../domain/id.ts'
import type { Seed } from '../domain/seed.ts'
import type { SeedsRead } from '../protocol/corpus.ts'
import { sentenceOf } from '../protocol/errors.ts'
import { countSeeds, pageSeeds } from '../storage/seeds.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'
import { Undo } from './undo.svelte.ts'

const PAGE = 100
/** Pages held at most: the list is of any length, memory is not. */
const PAGES = 60

export class Seeds {
  #count = $state(0)
  #ready = $state(false)
  #pages = $state.raw<ReadonlyMap<number, readonly Seed[]>>(new Map())
  #read = $state.raw<SeedsRead | undefined>()
  #source = $state('')
  readonly task = new Task<SeedProgress>()
  readonly undo = new Undo()
  readonly #around: Surroundings
  readonly #projectId: ProjectId
  readonly #asked = new Set<number>()

  constructor(around: Surroundings, projectId: ProjectId) {
    this.#around = around
    this.#projectId = projectId
  }

  get count(): number {
    return this.#count
  }
  /** The count has been read. */
  get ready(): boolean {
    return this.#ready
  }
  /** What the last reading gave. */
  get read(): SeedsRead | undefined {
    return this.#read
  }
  /** Name of the file read last, or `what was typed`. */
  get source(): string {
    return this.#source
  }

  /** The seed at a place of the list; undefined until its page is there, which this asks for. */
  at(index: number): Seed | undefined {
    const page = Math.floor(index / PAGE)
    const seeds = this.#pages.get(page)
    if (seeds === undefined && !this.#asked.has(page)) {
      this.#asked.add(page)
      queueMicrotask(() => void this.#loadPage(page))
    }
    return seeds?.[index - page * PAGE]
  }

  async refresh(): Promise<void> {
    this.#count = await countSeeds(this.#around.machines.db, this.#projectId)
    this.#asked.clear()
    this.#pages = new Map()
    this.#ready = true
  }

  /** Reads a file or text and stores its good rows. */
  async add(source: SeedSource): Promise<SeedsRead | undefined> {
    this.#source = source.kind === 'file' ? source.file.name : 'what was typed'
    this.#read = undefined
    this.undo.dismiss()
    const start = (signal: AbortSignal) =>
      addSeeds(this.#around.machines, { projectId: this.#projectId, source }, signal)
    const read = await this.task.follow(start, async (all) => {
      await this.refresh()
      this.#read = all
      if (all.added > 0) this.#offerRemoval(all)
    })
    if (read === undefined) await this.refresh() // after a stop, too, what was read before it stays
    return read
  }

  async remove(seed: Seed): Promise<void> {
    const removed = await removeSeeds(this.#around.machines, { projectId: this.#projectId, ids: [seed.id] })
    await this.refresh()
    this.undo.put('Seed deleted.', () => this.#restore(removed))
  }

  dismissProblems(): void {
    this.#read = undefined
  }

  #offerRemoval({ addedIds }: SeedsRead): void {
    // What was added is said by the reading's own sentence.
    this.undo.put('', async () => {
      const ids = addedIds as readonly SeedId[] // the corpus worker made these ids from the seeds that it stored
      const removed = await removeSeeds(this.#around.machines, { projectId: this.#projectId, ids })
      this.#read = undefined
      await this.refresh()
      this.undo.put(`${removed.length.toLocaleString('en')} seeds taken out again.`, () =>
        this.#restore(removed),
      )
    })
  }

  async #restore(seeds: readonly Seed[]): Promise<void> {
    await this.task.do(() => restoreSeeds(this.#around.machines, { seeds }))
    await this.refresh()
  }

  async #loadPage(page: number): Promise<void> {
    try {
      const seeds = await pageSeeds(this.#around.machines.db, this.#projectId, {
        from: page * PAGE,
        limit: PAGE,
      })
      const pages = new Map(this.#pages).set(page, seeds)
      for (const old of pages.keys()) {
        if (pages.size <= PAGES) break
        pages.delete(old)
        this.#asked.delete(old)
      }
      this.#pages = pages
    } catch (thrown) {
      console.warn(sentenceOf(thrown)) // the list shows gaps; the count's own reading says the same aloud
    }
  }
}
