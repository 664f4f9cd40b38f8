// Knows: a project's seeds: their number, the pages in view, the text being typed, the result of the last import, and sources whose
// columns a person has yet to choose.
import { addSeeds, type SeedProgress, type SeedSource } from '../../actions/seeds/add-seeds.ts'
import { removeSeeds } from '../../actions/seeds/remove-seeds.ts'
import { restoreSeeds } from '../../actions/seeds/restore-seeds.ts'
import type { ColumnMapping, ColumnPreview } from '../../domain/column-mapping.ts'
import type { ProjectId, SeedId } from '../../domain/id.ts'
import type { Seed } from '../../domain/seed.ts'
import type { SeedsRead } from '../../protocol/corpus.ts'
import { sentenceOf } from '../../protocol/errors.ts'
import { countSeeds, pageSeeds } from '../../storage/seeds.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

/** A source whose columns are to be chosen. */
export interface ColumnChoice {
  readonly source: SeedSource
  readonly name: string
  readonly preview: ColumnPreview
  /** Seeds read from it with other columns, which the new ones replace. */
  readonly replaces: readonly SeedId[]
}

const PAGE = 100
/** Characters from which pasted text is a source of its own: a text field of that size would freeze the page. */
const PASTE_LIMIT = 50_000
/** Max pages in memory: the list can be of any length. */
const MAX_PAGES = 60

export class Seeds {
  #count = $state(0)
  #ready = $state(false)
  #pages = $state.raw<ReadonlyMap<number, readonly Seed[]>>(new Map())
  #read = $state.raw<SeedsRead | undefined>()
  #source = $state.raw<SeedSource | undefined>()
  #choices = $state.raw<readonly ColumnChoice[]>([])
  #pasted = $state.raw<File | undefined>()
  /** The text that is being typed. */
  draft = $state('')
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
    return this.#source ? nameOf(this.#source) : ''
  }
  /** The source whose columns are to be chosen now; others wait. */
  get choice(): ColumnChoice | undefined {
    return this.#choices[0]
  }
  get waitingChoices(): number {
    return Math.max(0, this.#choices.length - 1)
  }
  /** A large text that was pasted, as a source of its own. */
  get pasted(): File | undefined {
    return this.#pasted
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

  /** Takes a large text as a source of its own; returns false for one that fits into the text field. */
  takePasted(text: string): boolean {
    if (text.length <= PASTE_LIMIT) return false
    this.#pasted = new File([text], 'pasted text')
    return true
  }

  dropPasted(): void {
    this.#pasted = undefined
  }

  /**
   * Reads a file or text and stores its valid rows. If its columns are not known, nothing is stored and `choice` has it. Text that
   * was read without problems is taken out of the draft; refused text stays, so that it can be corrected.
   */
  add(source: SeedSource): Promise<SeedsRead | undefined> {
    return this.#add(source, undefined, [])
  }

  /** Offers the columns of the source read last, to be read in another way. */
  changeColumns(): void {
    const [source, read] = [this.#source, this.#read]
    if (!source || !read?.columns || this.task.running) return
    if (this.#choices.some((choice) => choice.source === source)) return
    const replaces = read.addedIds as readonly SeedId[] // the corpus worker made these ids from the seeds that it stored
    this.#choices = [{ source, name: nameOf(source), preview: read.columns, replaces }, ...this.#choices]
  }

  /** Reads the source of `choice` with these columns, in place of what was read from it before. */
  async chooseColumns(columns: ColumnMapping): Promise<SeedsRead | undefined> {
    const choice = this.choice
    if (!choice || this.task.running) return undefined
    this.cancelColumns()
    const ids = choice.replaces
    const request = { projectId: this.#projectId, ids }
    const replaced = ids.length > 0 ? await removeSeeds(this.#env.machines, request) : []
    const read = await this.#add(choice.source, columns, replaced)
    // Nothing came of it, so that what was there before stays.
    if (replaced.length > 0 && (!read || read.added + read.alreadyThere === 0))
      await this.#restoreQuietly(replaced)
    return read
  }

  /** Leaves the source of `choice` as it is: nothing more is read from it. */
  cancelColumns(): void {
    this.#choices = this.#choices.slice(1)
  }

  async #add(
    source: SeedSource,
    columns: ColumnMapping | undefined,
    replaced: readonly Seed[],
  ): Promise<SeedsRead | undefined> {
    if (this.task.running) return undefined
    this.#source = source
    this.#read = undefined
    this.undo.dismiss()
    const request = { projectId: this.#projectId, source, ...(columns ? { columns } : {}) }
    const start = (signal: AbortSignal) => addSeeds(this.#env.machines, request, signal)
    const read = await this.task.follow(start, async (all) => {
      await this.refresh()
      if (all.undecided && all.columns) {
        const choice = { source, name: nameOf(source), preview: all.columns, replaces: [] }
        this.#choices = [...this.#choices, choice]
        return
      }
      this.#read = all
      if (all.problemCount === 0) this.#clear(source)
      if (all.added > 0 || (replaced.length > 0 && all.alreadyThere > 0)) this.#offerRemoval(all, replaced)
    })
    if (read === undefined) await this.refresh() // what was stored before a stop stays
    return read
  }

  #clear(source: SeedSource): void {
    if (source.kind === 'text' && this.draft === source.text) this.draft = ''
    if (source.kind === 'file' && this.#pasted === source.file) this.#pasted = undefined
  }

  async remove(seed: Seed): Promise<void> {
    const removed = await removeSeeds(this.#env.machines, { projectId: this.#projectId, ids: [seed.id] })
    this.#read = undefined
    await this.refresh()
    this.undo.put('Seed deleted.', () => this.#restore(removed))
  }

  /** Takes the report of the last import away. */
  dismissRead(): void {
    this.#read = undefined
  }

  #offerRemoval({ addedIds }: SeedsRead, replaced: readonly Seed[]): void {
    // The screen reports the added seeds itself.
    this.undo.put('', async () => {
      const ids = addedIds as readonly SeedId[] // the corpus worker made these ids from the seeds that it stored
      const removed = await removeSeeds(this.#env.machines, { projectId: this.#projectId, ids })
      this.#read = undefined
      if (replaced.length > 0) await restoreSeeds(this.#env.machines, { seeds: replaced })
      await this.refresh()
      if (removed.length > 0)
        this.undo.put(`${removed.length.toLocaleString('en')} seeds removed.`, () => this.#restore(removed))
    })
  }

  async #restore(seeds: readonly Seed[]): Promise<void> {
    await this.task.do(() => restoreSeeds(this.#env.machines, { seeds }))
    await this.refresh()
  }

  async #restoreQuietly(seeds: readonly Seed[]): Promise<void> {
    await restoreSeeds(this.#env.machines, { seeds })
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

const nameOf = (source: SeedSource): string => (source.kind === 'file' ? source.file.name : 'your text')
