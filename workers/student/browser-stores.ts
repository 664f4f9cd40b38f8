// Knows: the student's stores in a browser: rows in IndexedDB, checkpoints in the origin-private file system.
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { getDataset, listDatasetRows } from '../../src/storage/datasets.ts'
import { checkpointFiles, LAST_CHECKPOINT, softTargetFiles } from '../../src/storage/files.ts'
import { requireProject } from '../../src/storage/project-writes.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { listDroppedWithScore } from '../../src/storage/rows.ts'
import { eachSeed } from '../../src/storage/seeds.ts'
import type { ProjectId } from '../../src/domain/id.ts'
import { referencesOf, type References } from '../../src/pipeline/filters/references.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { peekModel } from '../teachers/locate-model.ts'
import type { StudentStores } from './stores.ts'

async function readReferences(db: Database, projectId: ProjectId): Promise<References> {
  const all = new Map<string, string>()
  for await (const seeds of eachSeed(db, projectId))
    for (const [text, answer] of referencesOf(seeds)) all.set(text, answer)
  return all
}

/** Stores that open the database when it is first needed. */
export function makeBrowserStores(): StudentStores {
  let opened: Promise<Database> | undefined
  const database = (): Promise<Database> =>
    (opened ??= openDatabase().catch((thrown: unknown) => {
      opened = undefined
      throw thrown
    }))
  return {
    async readRows(projectId, datasetId) {
      const db = await database()
      return (await getDataset(db, projectId, datasetId)) && listDatasetRows(db, projectId, datasetId)
    },
    async readDropped(projectId, datasetId) {
      const db = await database()
      const dataset = await getDataset(db, projectId, datasetId)
      return dataset ? listDroppedWithScore(db, projectId, dataset.runId) : []
    },
    readAnswers: async (projectId) => readReferences(await database(), projectId),
    async openModel(source, signal = new AbortController().signal) {
      // A record may come from someone else's project file: the built-in teacher is always on the page's own origin.
      if (source.kind === 'built-in' && new URL(source.url).origin !== globalThis.location.origin)
        throw new RetortError('ModelMissing', 'The built-in teacher of another website cannot be loaded.')
      const { name, files } = await peekModel(source, signal)
      const [file, second] = files.values()
      if (file === undefined || second !== undefined)
        throw new RetortError(
          'ModelRefused',
          `“${name}” is a folder of several files, and adapters can be trained only on models of one GGUF file.`,
        )
      return file
    },
    readSoftTargets: (projectId, name) => softTargetFiles.read(projectId, name),
    readCheckpoint: (projectId, studentId) => checkpointFiles.read(projectId, studentId, LAST_CHECKPOINT),
    async writeCheckpoint(projectId, studentId, bytes) {
      // Not of a project that was deleted meanwhile: no list would show the file.
      await requireProject(await database(), projectId)
      await guardQuota('The checkpoint', () =>
        checkpointFiles.write(projectId, studentId, LAST_CHECKPOINT, bytes),
      )
    },
  }
}
