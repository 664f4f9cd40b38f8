// Knows: the corpus worker, which serves long work without a model. A thin shell: the work is in corpus/.
import { NoveltyPool } from '../src/pipeline/novelty-pool.ts'
import type { CorpusContract } from '../src/protocol/corpus.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import { openDatabase, type Database } from '../src/storage/database.ts'
import { addSeeds } from './corpus/add-seeds.ts'
import { exportDataset } from './corpus/export-dataset.ts'
import { freeze } from './corpus/freeze.ts'
import { openProject } from './corpus/open-project.ts'
import { saveProject } from './corpus/save-project.ts'

let database: Promise<Database> | undefined
/** Opened on first use; after a failure the next use tries again. */
const openOnce = (): Promise<Database> => {
  database ??= openDatabase()
  database.catch(() => (database = undefined))
  return database
}

/** The pool of texts of the current run; a pool of another name replaces it. */
let pool: { readonly name: string; readonly texts: NoveltyPool } | undefined
const poolOf = (name: string, reset = false): NoveltyPool => {
  if (pool?.name !== name || reset) pool = { name, texts: new NoveltyPool() }
  return pool.texts
}

serveSelf<CorpusContract>({
  addSeeds: async (request, call) => addSeeds(await openOnce(), request, call, Date.now()),
  novelty: async ({ pool: name, threshold, candidates }) => poolOf(name).decideAll(candidates, threshold),
  remember: async ({ pool: name, texts, reset }) => {
    poolOf(name, reset).add(...texts)
    return null
  },
  freeze: async (request, call) => freeze(await openOnce(), request, call, Date.now()),
  exportDataset: async (request) => exportDataset(await openOnce(), request),
  saveProject: async (request, call) => saveProject(await openOnce(), request, call, Date.now()),
  openProject: async (request, call) => openProject(await openOnce(), request, call, Date.now()),
})
