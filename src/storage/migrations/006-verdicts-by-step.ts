// Knows: how stored rows get a list of verdicts; and the store of preferences.
import { verdictsByStep } from '../upgrades/004-verdicts-by-step.ts'
import { changeRecords, type Migration } from './migration.ts'

export const listVerdicts: Migration = (database, transaction, next) => {
  const preferences = database.createObjectStore('preferences', { keyPath: ['projectId', 'id'] })
  preferences.createIndex('ofStep', ['projectId', 'runId', 'step'])
  changeRecords(transaction.objectStore('rows'), (row) => verdictsByStep('rows', row), next)
}
