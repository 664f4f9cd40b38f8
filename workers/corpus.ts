// Knows: the corpus worker, which serves long work without a model. A thin shell: the work is in corpus/.
import type { CorpusContract } from '../src/protocol/corpus.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import { openDatabase, type Database } from '../src/storage/database.ts'
import { addSeeds } from './corpus/add-seeds.ts'
import { exportDataset } from './corpus/export-dataset.ts'
import { freeze } from './corpus/freeze.ts'
import { NoveltyPools } from './corpus/novelty-pools.ts'
import { openProject } from './corpus/open-project.ts'
import { saveProject, sizeReplies } from './corpus/save-project.ts'

let database: Promise<Database> | undefined
/** Opened on first use; after a failure the next use tries again. */
const openOnce = (): Promise<Database> => {
  database ??= openDatabase()
  database.catch(() => (database = undefined))
  return database
}

const pools = new NoveltyPools()

serveSelf<CorpusContract>({
  addSeeds: async (request, call) => addSeeds(await openOnce(), request, call, Date.now()),
  novelty: async ({ pool, threshold, candidates }) => pools.decide(pool, candidates, threshold),
  remember: async ({ pool, texts, reset }) => {
    pools.remember(pool, texts, reset)
    return null
  },
  forget: async ({ pool }) => {
    pools.forget(pool)
    return null
  },
  freeze: async (request, call) => freeze(await openOnce(), request, call, Date.now()),
  exportDataset: async (request) => exportDataset(await openOnce(), request),
  sizeReplies: async (request) => sizeReplies(await openOnce(), request),
  saveProject: async (request, call) => saveProject(await openOnce(), request, call, Date.now()),
  openProject: async (request, call) => openProject(await openOnce(), request, call, Date.now()),
})
