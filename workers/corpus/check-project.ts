// Knows: what must hold between the records of a project: keys are unique, references have targets, and ids that are hashes match
// the contents.
// Must not know: files, storage.
import { datasetId, datasetIdOfVersion2, type Dataset, type DatasetRow } from '../../src/domain/dataset.ts'
import type { ProjectId } from '../../src/domain/id.ts'
import { seedId } from '../../src/domain/seed.ts'
import type { Student } from '../../src/domain/student.ts'
import { findWrongSetting } from '../../src/pipeline/training/check-settings.ts'
import type { RecordOf } from '../../src/storage/project-contents.ts'
import type { ProjectStore, StoredDatasetRow } from '../../src/storage/schema.ts'

/** Checks all records of a project and returns what is wrong with each, for the end of a sentence. */
export class ProjectCheck {
  readonly #projectId: ProjectId
  readonly #keys = new Map<ProjectStore, Set<string>>()
  readonly #datasets = new Map<string, Dataset>()
  /** The dataset whose rows are being read. */
  #open: { readonly id: string; readonly rows: DatasetRow[] } | undefined

  constructor(projectId: ProjectId) {
    this.#projectId = projectId
  }

  /** True if a record with that id was added. */
  has(store: ProjectStore, id: string): boolean {
    return this.#keys.get(store)?.has(id) ?? false
  }

  /** Adds a record; returns what is wrong with it. Stores come in the order of `CHECKED_STORES`: targets before references. */
  add<Store extends ProjectStore>(store: Store, record: RecordOf<Store>): string | undefined {
    if (record.projectId !== this.#projectId) return 'it belongs to another project'
    const key =
      'id' in record
        ? record.id
        : 'index' in record
          ? `${record.datasetId}/${record.index}`
          : `${record.runId}/${record.key}`
    const keys = this.#keys.get(store) ?? new Set()
    if (keys.has(key)) return 'it is a duplicate'
    this.#keys.set(store, keys.add(key))
    if ('runId' in record && !this.has('runs', record.runId)) return 'its run is missing'
    if ('studentId' in record && !this.has('students', record.studentId)) return 'its student is missing'
    if ('datasetId' in record && !this.has('datasets', record.datasetId)) return 'its dataset is missing'
    if (isStudent(record)) {
      const wrong = findWrongSetting(record.settings)
      if (wrong !== undefined) return wrong
    }
    if (isSeed(record) && record.id !== seedId(record.text, record.earlier))
      return 'its id does not match its text'
    if (isDataset(record)) this.#datasets.set(record.id, record)
    return isDatasetRow(record) ? this.#addRow(record) : undefined
  }

  /** Checks that all datasets have their rows; returns what is wrong. */
  end(): string | undefined {
    const problem = this.#closeDataset()
    if (problem !== undefined) return problem
    const [missing] = this.#datasets.values()
    return missing && `the rows of dataset ${missing.id.slice(0, 8)} are missing`
  }

  #addRow({ datasetId: id, index, row }: StoredDatasetRow): string | undefined {
    if (this.#open?.id !== id) {
      const problem = this.#closeDataset()
      if (problem !== undefined) return problem
      this.#open = { id, rows: [] }
    }
    if (index !== this.#open.rows.length) return 'an earlier row is missing'
    this.#open.rows.push(row)
    return undefined
  }

  /** A dataset's id is the hash of its rows: changes made outside this page are found here. */
  #closeDataset(): string | undefined {
    const open = this.#open
    if (open === undefined) return undefined
    this.#open = undefined
    const dataset = this.#datasets.get(open.id)
    this.#datasets.delete(open.id)
    const heldOut = open.rows.filter(({ split }) => split === 'held-out').length
    const isComplete =
      dataset !== undefined &&
      dataset.rows.heldOut === heldOut &&
      dataset.rows.train === open.rows.length - heldOut
    const ids: readonly string[] = [datasetId(open.rows), datasetIdOfVersion2(open.rows)]
    return isComplete && ids.includes(open.id)
      ? undefined
      : `the rows of dataset ${open.id.slice(0, 8)} do not match its id`
  }
}

/** The order in which `add` needs the stores. */
export const CHECKED_STORES: readonly ProjectStore[] = [
  'seeds',
  'runs',
  'journal',
  'prompts',
  'rows',
  'preferences',
  'datasets',
  'datasetRows',
  'students',
  'comparisons',
]

type AnyRecord = RecordOf<ProjectStore>
const isSeed = (record: AnyRecord): record is RecordOf<'seeds'> => 'addedAt' in record
const isStudent = (record: AnyRecord): record is Student => 'settings' in record && 'shape' in record
const isDataset = (record: AnyRecord): record is Dataset => 'frozenAt' in record
const isDatasetRow = (record: AnyRecord): record is StoredDatasetRow => 'index' in record
