// Knows: a run that is not stored: for a trial.
import type { RowId } from '../../domain/id.ts'
import type { Preference } from '../../domain/preference.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row } from '../../domain/row.ts'
import type { JudgeProbe } from '../../domain/run.ts'
import type { Seed } from '../../domain/seed.ts'
import type { RunStore } from './run-store.ts'

export class MemoryRun implements RunStore {
  readonly #seeds: readonly Seed[]
  readonly #prompts = new Map<string, Prompt>()
  readonly #rows = new Map<RowId, Row>()
  readonly #done = new Set<string>()
  readonly preferences: Preference[] = []
  readonly notes: string[] = []
  readonly #onChange: () => void
  #probe: JudgeProbe | undefined

  constructor(seeds: readonly Seed[], onChange: () => void = () => undefined) {
    this.#seeds = seeds
    this.#onChange = onChange
  }

  /** All rows, in order. */
  list(): Row[] {
    return [...this.#rows.values()].toSorted((a, b) => a.order - b.order)
  }

  async *seeds(): AsyncIterable<readonly Seed[]> {
    const seeds = this.#seeds
    yield seeds
  }
  prompts = async (): Promise<Prompt[]> => [...this.#prompts.values()].toSorted((a, b) => a.order - b.order)
  done = async (): Promise<ReadonlySet<string>> => this.#done
  async putPrompts(prompts: readonly Prompt[], done?: string): Promise<void> {
    for (const prompt of prompts) this.#prompts.set(prompt.id, prompt)
    if (done !== undefined) this.#done.add(done)
  }
  async *rows(): AsyncIterable<readonly Row[]> {
    const rows = this.list()
    if (rows.length > 0) yield rows
  }
  readRows = async (ids: readonly RowId[]): Promise<readonly Row[]> =>
    ids.flatMap((id) => this.#rows.get(id) ?? [])
  put(row: Row): void {
    this.#rows.set(row.id, row)
    this.#onChange()
  }
  change(id: RowId, change: (row: Row) => Row): void {
    const row = this.#rows.get(id)
    if (row !== undefined) this.put(change(row))
  }
  async putPreferences(preferences: readonly Preference[]): Promise<void> {
    this.preferences.push(...preferences)
  }
  drain = async (): Promise<void> => undefined
  async addNote(sentence: string): Promise<void> {
    if (!this.notes.includes(sentence)) this.notes.push(sentence)
  }
  probe = async (): Promise<JudgeProbe | undefined> => this.#probe
  async putProbe(probe: JudgeProbe): Promise<void> {
    this.#probe = probe
  }
}
