// Knows: how a record of version 1 gets the names that fields and statuses have in version 2.
import type { ProjectStore } from '../schema.ts'
import { upgradeSettings } from './train-settings.ts'
import { isRecord, mapField, mapItems, mapText, renameFields, type Change } from './changes.ts'

const decisions: Change = (value) =>
  mapField(renameFields(value, { answers: 'decisions' }), 'decisions', (list) =>
    mapItems(list, (item) => renameFields(item, { answer: 'decision' })),
  )

const rowStatus = mapText({ asked: 'pending' })

const row: Change = (value) => {
  const changed = mapField(decisions(value), 'status', rowStatus)
  const completed = mapField(changed, 'completion', (completion) =>
    renameFields(completion, { ending: 'finishReason' }),
  )
  return mapField(completed, 'rejectedByHand', (rejected) => mapField(rejected, 'before', rowStatus))
}

const run: Change = (value) =>
  mapField(renameFields(value, { why: 'reason' }), 'status', mapText({ going: 'running' }))

const softTargets: Change = (value) => renameFields(value, { trace: 'softTargets' })

const student: Change = (value) => {
  const names = {
    why: 'reason',
    trace: 'softTargets',
    trained: 'trainedParameters',
    cutRows: 'truncatedRows',
    leftOutRows: 'skippedRows',
    remarks: 'notes',
    adapts: 'baseModel',
  }
  const changes: Readonly<Record<string, Change>> = {
    settings: upgradeSettings,
    teachers: (list) => mapItems(list, softTargets),
    points: (list) => mapItems(list, (point) => renameFields(point, { wrong: 'errorRate' })),
    baseModel: (base) =>
      mapField(base, 'source', (source) => mapField(source, 'kind', mapText({ box: 'built-in' }))),
  }
  return Object.entries(changes).reduce(
    (record, [field, change]) => mapField(record, field, change),
    renameFields(value, names),
  )
}

/** Journal keys name a unit of work; the one of the seeds got another name. */
const journalEntry: Change = (value) => mapField(value, 'key', mapText({ 'seeds asked': 'seeds added' }))

const CHANGES: Partial<Record<ProjectStore, Change>> = {
  runs: run,
  prompts: decisions,
  rows: row,
  journal: journalEntry,
  students: student,
}

/** The stores with records that this upgrade changes. */
export const RENAMED_STORES = Object.keys(CHANGES) as readonly ProjectStore[]

/** From version 1 to 2. */
export const fieldNames = (store: ProjectStore, value: unknown): unknown =>
  isRecord(value) ? (CHANGES[store]?.(value) ?? value) : value
