// Knows: the student's stores in a browser: rows in IndexedDB, checkpoints in the origin-private file system.
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { getDataset, listDatasetRows } from '../../src/storage/datasets.ts'
import { checkpointFiles, traceFiles } from '../../src/storage/files.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { peekModel } from '../teachers/locate-model.ts'
import type { StudentStores } from './stores.ts'

/** One file a student: the last checkpoint is all that is needed to go on, to write and to export. */
const LAST = 'last.checkpoint'

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
    async openModel(source, signal = new AbortController().signal) {
      // A record may come from someone else's project file: the box lies where the page does, and nowhere else.
      if (source.kind === 'box' && new URL(source.url).origin !== globalThis.location.origin)
        throw new RetortError('ModelMissing', 'The box of another page is not asked.')
      const { name, files } = await peekModel(source, signal)
      const [file, second] = files.values()
      if (file === undefined || second !== undefined)
        throw new RetortError(
          'ModelRefused',
          `“${name}” is a folder of several files, and adapters are trained here on models of one GGUF file.`,
        )
      return file
    },
    readTrace: (projectId, name) => traceFiles.read(projectId, name),
    readCheckpoint: (projectId, studentId) => checkpointFiles.read(projectId, studentId, LAST),
    writeCheckpoint: (projectId, studentId, bytes) =>
      guardQuota('The checkpoint', () => checkpointFiles.write(projectId, studentId, LAST, bytes)),
  }
}
