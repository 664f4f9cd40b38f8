// Knows: the rows of one run as a table: loaded as an index, searched, filtered and sorted in memory; one open row with its history.
import { editRow } from '../../actions/rows/edit-row.ts'
import type { JudgeProgress } from '../../actions/rows/judge-edited.ts'
import type { RowFamily } from '../../actions/rows/read-family.ts'
import { rejectRow } from '../../actions/rows/reject-row.ts'
import { restoreRow } from '../../actions/rows/restore-row.ts'
import type { Cast } from '../../domain/cast.ts'
import type { ProjectId, RowId, RunId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row, RowStatus } from '../../domain/row.ts'
import type { Run } from '../../domain/run.ts'
import type { Seed } from '../../domain/seed.ts'
import { getPrompt } from '../../storage/prompts.ts'
import { loadRowIndex, summarizeRow, type RowIndexEntry } from '../../storage/row-index.ts'
import { getRow } from '../../storage/rows.ts'
import { getSeed } from '../../storage/seeds.ts'
import type { Environment } from '../app/environment.ts'
import { judgeEdited, readFamily } from '../app/later.ts'
import { compareExtra, findExtraColumns, RowColumns, type ExtraColumn } from './row-columns.svelte.ts'
import { Task } from '../parts/task.svelte.ts'
import { Undo } from '../parts/undo.svelte.ts'

export type { FamilyPrompt, FamilyRow, RowFamily } from '../../actions/rows/read-family.ts'

export const ROW_COLUMNS = ['order', 'prompt', 'completion', 'score', 'status'] as const
export type RowColumn = (typeof ROW_COLUMNS)[number]

/** A row with the prompt and the seed it comes from. */
export interface RowHistory {
  readonly row: Row
  readonly prompt?: Prompt
  readonly seed?: Seed
}

const compare = (column: RowColumn, a: RowIndexEntry, b: RowIndexEntry): number => {
  if (column === 'order') return a.order - b.order
  if (column === 'score') return (a.score ?? 0) - (b.score ?? 0)
  const [x, y] = [a[column], b[column]]
  return x < y ? -1 : x > y ? 1 : 0
}

/** The entries that contain all the words, in the given order; ties keep the run's order. */
export function arrangeRows(
  entries: readonly RowIndexEntry[],
  {
    search,
    status,
    column,
    extra,
    down,
  }: {
    search: string
    status: RowStatus | 'all'
    column: RowColumn
    /** Sorts in place of `column`. */
    extra?: ExtraColumn | undefined
    down: boolean
  },
): readonly RowIndexEntry[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = entries.filter((entry) => {
    if (status !== 'all' && entry.status !== status) return false
    if (words.length === 0) return true
    const text =
      `${entry.prompt}\n${entry.completion}\n${entry.droppedBy ?? ''}\n${entry.reason ?? ''}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
  if (extra !== undefined)
    return found.toSorted((a, b) => compareExtra(extra, down, a, b) || a.order - b.order)
  const sign = down ? -1 : 1
  return found.toSorted((a, b) => sign * compare(column, a, b) || a.order - b.order)
}

export class Rows {
  #entries = $state.raw<readonly RowIndexEntry[]>([])
  #runId = $state<RunId | undefined>()
  #history = $state.raw<RowHistory | undefined>()
  #problems = $state.raw<readonly Problem[]>([])
  search = $state('')
  status = $state<RowStatus | 'all'>('all')
  #column = $state<RowColumn>('order')
  #extra = $state.raw<ExtraColumn | undefined>()
  #down = $state(false)
  #shown = $derived(
    arrangeRows(this.#entries, {
      search: this.search,
      status: this.status,
      column: this.#column,
      extra: this.#extra,
      down: this.#down,
    }),
  )
  #counts = $derived.by(() => {
    const counts: Record<RowStatus | 'all', number> = {
      all: this.#entries.length,
      pending: 0,
      dropped: 0,
      kept: 0,
      rejected: 0,
    }
    for (const { status } of this.#entries) counts[status]++
    return counts
  })
  #offered = $derived(findExtraColumns(this.#entries))
  #stale = $derived(this.#entries.filter(({ staleVerdict }) => staleVerdict).map(({ id }) => id))
  /** Progress is the fraction read, 0 to 1. */
  readonly reading = new Task<number>()
  readonly changing = new Task()
  /** Edited rows are being judged again. */
  readonly judging = new Task<JudgeProgress>()
  readonly undo = new Undo()
  #judgedAgain = $state(0)
  readonly columns: RowColumns
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId) {
    this.#env = env
    this.#projectId = projectId
    this.columns = new RowColumns(env.memory, projectId)
  }

  /** Columns that these rows have values for, in addition to the usual ones. */
  get offeredColumns(): readonly ExtraColumn[] {
    return this.#offered
  }
  /** Those of them that are shown. */
  get extraColumns(): readonly ExtraColumn[] {
    return this.columns.shownOf(this.#offered)
  }
  /** Shows a column, or hides it; rows sorted by a hidden one are in the run's order again. */
  toggleColumn(column: ExtraColumn): void {
    this.columns.toggle(column)
    if (this.#extra?.key === column.key) {
      this.#extra = undefined
      this.#column = 'order'
      this.#down = false
    }
  }

  /** The rows of the table, in its order. */
  get shown(): readonly RowIndexEntry[] {
    return this.#shown
  }
  get counts(): Readonly<Record<RowStatus | 'all', number>> {
    return this.#counts
  }
  get sort(): { readonly key: string; readonly down: boolean } {
    return { key: this.#extra?.key ?? this.#column, down: this.#down }
  }
  /** Edited rows whose only verdict is on their original texts. */
  get stale(): readonly RowId[] {
    return this.#stale
  }
  /** Number of edited rows that the last judging gave a score; 0 after any other change. */
  get judgedAgain(): number {
    return this.#judgedAgain
  }
  /** The open row. */
  get history(): RowHistory | undefined {
    return this.#history
  }
  /** Why an edit was refused. */
  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Reads the rows of a run; with undefined the table is empty. */
  async show(runId: RunId | undefined): Promise<void> {
    if (runId === undefined) {
      this.#entries = []
      this.#runId = undefined
      return
    }
    const entries = await this.reading.do((_signal, report) =>
      loadRowIndex(this.#env.machines.db, this.#projectId, runId, report),
    )
    if (entries === undefined) return
    this.#entries = entries
    this.#runId = runId
    this.#judgedAgain = 0
  }

  /** A second click on a column reverses its order. */
  sortBy(key: string): void {
    const isSame = key === this.sort.key
    const column = ROW_COLUMNS.find((known) => known === key)
    const extra = this.#offered.find((known) => known.key === key)
    if (column === undefined && extra === undefined) return
    this.#down = isSame ? !this.#down : column === 'score' || extra?.kind === 'verdict'
    this.#extra = extra
    if (column !== undefined) this.#column = column
  }

  async openRow(id: RowId): Promise<void> {
    const { db } = this.#env.machines
    this.#problems = []
    await this.changing.do(async () => {
      const row = await getRow(db, this.#projectId, id)
      if (row === undefined) return
      const [prompt, seed] = await Promise.all([
        getPrompt(db, this.#projectId, row.promptId),
        getSeed(db, this.#projectId, row.seedId),
      ])
      this.#history = { row, ...(prompt ? { prompt } : {}), ...(seed ? { seed } : {}) }
    })
  }

  closeRow(): void {
    this.#history = undefined
    this.#problems = []
  }

  /** The relatives of a row, read from the store. */
  readFamily(row: Row, signal: AbortSignal): Promise<RowFamily> {
    return readFamily(this.#env.machines.db, row, signal)
  }

  /** The open row's neighbour in the table. */
  neighbour(by: -1 | 1): RowId | undefined {
    const id = this.#history?.row.id
    const at = this.#shown.findIndex((entry) => entry.id === id)
    return at < 0 ? undefined : this.#shown[at + by]?.id
  }

  /** Stores an edited text in addition to the original. True if it was accepted. */
  async edit(row: Row, prompt: string, completion: string): Promise<boolean> {
    const before = row.edit
    const edited = await this.changing.do(() =>
      editRow(this.#env.machines, { projectId: this.#projectId, rowId: row.id, prompt, completion }),
    )
    if (edited === undefined) return false
    this.#problems = edited.ok ? [] : edited.problems
    if (!edited.ok) return false
    this.#update(edited.value)
    this.undo.put('Row edited.', async () => {
      if (before !== undefined) {
        const back = await editRow(this.#env.machines, {
          projectId: this.#projectId,
          rowId: row.id,
          prompt: before.prompt,
          completion: before.completion,
          ...(before.verdicts ? { verdicts: before.verdicts } : {}),
        })
        if (back.ok) this.#update(back.value)
      } else await this.restore(edited.value, 'edit')
    })
    return true
  }

  async reject(row: Row): Promise<void> {
    const rejected = await this.changing.do(() =>
      rejectRow(this.#env.machines, { projectId: this.#projectId, rowId: row.id }),
    )
    if (rejected === undefined) return
    this.#update(rejected)
    this.undo.put('Row rejected.', () => this.restore(rejected, 'rejection'))
  }

  /** Undoes a manual rejection or edit. */
  async restore(row: Row, what: 'rejection' | 'edit'): Promise<void> {
    const restored = await this.changing.do(() =>
      restoreRow(this.#env.machines, { projectId: this.#projectId, rowId: row.id, what }),
    )
    if (restored !== undefined) this.#update(restored)
  }

  /** Judges edited rows again, with the judge's own model if there is one, and stores the verdicts with the edits. */
  async judgeAgain(run: Run, rowIds: readonly RowId[], cast: Partial<Cast>): Promise<void> {
    this.#problems = []
    await this.judging.follow(
      (signal) =>
        judgeEdited(this.#env.machines, { projectId: this.#projectId, run, rowIds, ...cast }, signal),
      async (judged) => {
        if (!judged.ok) this.#problems = judged.problems
        else {
          for (const row of judged.value) this.#update(row)
          this.#judgedAgain = judged.value.length
        }
      },
    )
  }

  #update(row: Row): void {
    this.#judgedAgain = 0
    if (this.#history?.row.id === row.id) this.#history = { ...this.#history, row }
    if (this.#runId !== row.runId) return
    this.#entries = this.#entries.map((entry) => (entry.id === row.id ? summarizeRow(row) : entry))
  }
}
