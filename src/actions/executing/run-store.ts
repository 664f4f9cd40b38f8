// Knows: what a run reads and writes besides the replies of its calls: its prompts, rows, preferences, and which units are done.
// Must not know: where they are stored.
import type { RowId } from '../../domain/id.ts'
import type { Preference } from '../../domain/preference.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row } from '../../domain/row.ts'
import type { JudgeProbe } from '../../domain/run.ts'
import type { Seed } from '../../domain/seed.ts'

export interface RunStore {
  /** The seeds in order, in pages. */
  seeds(): AsyncIterable<readonly Seed[]>
  /** In the run's order, accepted and dropped. */
  prompts(): Promise<Prompt[]>
  /** Names of the units that are done. */
  done(): Promise<ReadonlySet<string>>
  /** Stores new prompts, or changed ones, and the name of the unit that they finish: all or none. */
  putPrompts(prompts: readonly Prompt[], done?: string): Promise<void>
  /** In the run's order, in pages. */
  rows(pageSize?: number): AsyncIterable<readonly Row[]>
  /** The rows with these ids that exist, in the order of the ids. */
  readRows(ids: readonly RowId[]): Promise<readonly Row[]>
  /** Stores a new row soon; what is put or changed before is stored before it or with it. */
  put(row: Row): void
  /** Changes a row soon. */
  change(id: RowId, change: (row: Row) => Row): void
  putPreferences(preferences: readonly Preference[]): Promise<void>
  /** Resolves when everything is stored; throws what a write threw. */
  drain(): Promise<void>
  /** Adds a sentence on what the run did not use or make, unless it is there already. */
  addNote(sentence: string): Promise<void>
  /** How the judge was probed, if it was. */
  probe(): Promise<JudgeProbe | undefined>
  putProbe(probe: JudgeProbe): Promise<void>
}
