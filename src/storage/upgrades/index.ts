// Knows: how a record of an earlier version becomes one of today's. Version 1 is that of project file version 1 and database version 2.
// Must not know: where records come from (migrations/, workers/corpus) and whether they are valid (records.ts).
import type { ProjectStore } from '../schema.ts'
import { fieldNames } from './002-field-names.ts'
import { newFields } from './003-new-fields.ts'
import { verdictsByStep } from './004-verdicts-by-step.ts'

/** Takes a record of a store from one version to the next. Pure; returns a value of another form unchanged. Never throws. */
export type RecordUpgrade = (store: ProjectStore, value: unknown) => unknown

/** Each takes records from version i + 1 to version i + 2. A released upgrade never changes: add one. */
const UPGRADES: readonly RecordUpgrade[] = [fieldNames, newFields, verdictsByStep]

/** The version of the records that this page writes. */
export const RECORD_VERSION = UPGRADES.length + 1

/** A record of version `from` (1 or more) as one of today's version. */
export const upgradeRecord = (store: ProjectStore, value: unknown, from: number): unknown =>
  UPGRADES.slice(from - 1).reduce((record, upgrade) => upgrade(store, record), value)
