// Knows: the first version of the database.
import { atOnce } from './migration.ts'

export const first = atOnce((database) => {
  database.createObjectStore('projects', { keyPath: 'id' })
  const inProject = ['projectId', 'id']
  database
    .createObjectStore('seeds', { keyPath: inProject })
    .createIndex('inOrder', ['projectId', 'addedAt', 'line'])
  database.createObjectStore('runs', { keyPath: inProject })
  database
    .createObjectStore('prompts', { keyPath: inProject })
    .createIndex('inRun', ['projectId', 'runId', 'order'])
  const rows = database.createObjectStore('rows', { keyPath: inProject })
  rows.createIndex('inRun', ['projectId', 'runId', 'order'])
  rows.createIndex('byStatus', ['projectId', 'runId', 'status'])
  database.createObjectStore('journal', { keyPath: ['projectId', 'runId', 'key'] })
  database.createObjectStore('datasets', { keyPath: inProject })
  database.createObjectStore('datasetRows', { keyPath: ['projectId', 'datasetId', 'index'] })
  database.createObjectStore('students', { keyPath: inProject })
  database.createObjectStore('comparisons', { keyPath: inProject })
})
