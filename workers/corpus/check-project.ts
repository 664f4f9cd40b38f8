// Knows: what must hold between the records of a project beside the form of each: keys are single, references have targets,
// names that are hashes are the hashes.
// Must not know: files, storage.
import { datasetId, type Dataset, type DatasetRow } from '../../src/domain/dataset.ts'
import type { ProjectId } from '../../src/domain/id.ts'
import { seedId } from '../../src/domain/seed.ts'
import type { RecordOf } from '../../src/storage/project-contents.ts'
import type { ProjectStore, StoredDatasetRow } from '../../src/storage/schema.ts'

/** Takes all records of a project and says of each what is wrong with it, for the end of a sentence. */
export class ProjectCheck {
  readonly #projectId: ProjectId
  readonly #keys = new Map<ProjectStore, Set<string>>()
  readonly #datasets = new Map<string, Dataset>()
  /** Rows of the dataset that is being read. */
  #open: { readonly id: string; readonly rows: DatasetRow[] } | undefined

  constructor(projectId: ProjectId) {
    this.#projectId = projectId
  }

  /** True where a record of that id was taken. */
  has(store: ProjectStore, id: string): boolean {
    return this.#keys.get(store)?.has(id) ?? false
  }

  /** Stores come in an order in which what is referred to is there first; see `CHECKED_STORES`. */
  take<Store extends ProjectStore>(store: Store, record: RecordOf<Store>): string | undefined {
    if (record.projectId !== this.#projectId) return 'it belongs to another project'
    const key =
      'id' in record
        ? record.id
        : 'index' in record
          ? `${record.datasetId}/${record.index}`
          : `${record.runId}/${record.key}`
    const keys = this.#keys.get(store) ?? new Set()
    if (keys.has(key)) return 'it is there twice'
    this.#keys.set(store, keys.add(key))
    if ('runId' in record && !this.has('runs', record.runId)) return 'its run is missing'
    if ('studentId' in record && !this.has('students', record.studentId)) return 'its student is missing'
    if ('datasetId' in record && !this.has('datasets', record.datasetId)) return 'its dataset is missing'
    if (isSeed(record) && record.id !== seedId(record.text)) return 'its id is not that of its text'
    if (isDataset(record)) this.#datasets.set(record.id, record)
    return isDatasetRow(record) ? this.#takeRow(record) : undefined
  }

  /** All datasets have their rows. */
  end(): string | undefined {
    const fault = this.#closeDataset()
    if (fault !== undefined) return fault
    const [missing] = this.#datasets.values()
    return missing && `the rows of dataset ${missing.id.slice(0, 8)} are missing`
  }

  #takeRow({ datasetId: id, index, row }: StoredDatasetRow): string | undefined {
    if (this.#open?.id !== id) {
      const fault = this.#closeDataset()
      if (fault !== undefined) return fault
      this.#open = { id, rows: [] }
    }
    if (index !== this.#open.rows.length) return 'a row before it is missing'
    this.#open.rows.push(row)
    return undefined
  }

  /** A dataset's id is the hash of its rows: what was changed by other means than this page is found here. */
  #closeDataset(): string | undefined {
    const open = this.#open
    if (open === undefined) return undefined
    this.#open = undefined
    const dataset = this.#datasets.get(open.id)
    this.#datasets.delete(open.id)
    const heldOut = open.rows.filter(({ split }) => split === 'held-out').length
    const isWhole =
      dataset !== undefined &&
      dataset.rows.heldOut === heldOut &&
      dataset.rows.train === open.rows.length - heldOut
    return isWhole && datasetId(open.rows) === open.id
      ? undefined
      : `the rows of dataset ${open.id.slice(0, 8)} are not those it was named after`
  }
}

/** The order in which `take` wants the stores. */
export const CHECKED_STORES: readonly ProjectStore[] = [
  'seeds',
  'runs',
  'journal',
  'prompts',
  'rows',
  'datasets',
  'datasetRows',
  'students',
  'comparisons',
]

type AnyRecord = RecordOf<ProjectStore>
const isSeed = (record: AnyRecord): record is RecordOf<'seeds'> => 'addedAt' in record
const isDataset = (record: AnyRecord): record is Dataset => 'frozenAt' in record
const isDatasetRow = (record: AnyRecord): record is StoredDatasetRow => 'index' in record
