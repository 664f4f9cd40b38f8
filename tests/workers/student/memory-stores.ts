// Knows: stores in memory for tests of the student's worker, and a small dataset to learn.
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { contentId, freshId, type DatasetId, type ProjectId, type StudentId } from '../../../src/domain/id.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { StudentStores } from '../../../workers/student/stores.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

export interface MemoryStores extends StudentStores {
  rows: DatasetRow[] | undefined
  checkpoint: Uint8Array | undefined
  softTargets: Uint8Array | undefined
  /** Imported models' files by name. */
  models: Map<string, Uint8Array>
  writes: number
}

export function makeMemoryStores(rows: DatasetRow[] | undefined): MemoryStores {
  const stores: MemoryStores = {
    rows,
    checkpoint: undefined,
    softTargets: undefined,
    models: new Map(),
    writes: 0,
    readRows: async () => stores.rows,
    readDropped: async () => [],
    readAnswers: async () => new Map(),
    openModel: async (source) => {
      const found = stores.models.get(source.kind === 'built-in' ? source.url : source.name)
      if (!found) throw new RetortError('ModelMissing', 'It is no longer stored.')
      return sourceFromBytes('model.gguf', found)
    },
    readSoftTargets: async () => stores.softTargets,
    readCheckpoint: async () => stores.checkpoint,
    writeCheckpoint: async (_project, _student, bytes) => {
      stores.checkpoint = bytes
      stores.writes++
    },
  }
  return stores
}

const COLOURS = ['red', 'green', 'blue', 'yellow'] as const
const THINGS = ['house', 'boat', 'bird', 'lamp', 'door', 'book', 'coat', 'tree', 'road', 'cup'] as const

/** Rows whose completion repeats the prompt's colour: `train` training rows and `heldOut` held-out rows. */
export function makeRows(train: number, heldOut: number, system = ''): DatasetRow[] {
  return Array.from({ length: train + heldOut }, (_, i): DatasetRow => {
    const [colour, thing] = [COLOURS[i % 4] ?? '', THINGS[(i * 7 + Math.floor(i / 4)) % 10] ?? '']
    return {
      rowId: contentId('row', i),
      seedId: contentId('seed', i % 8),
      split: i < train ? 'train' : 'held-out',
      system,
      prompt: `The ${thing} is ${colour}. What colour is the ${thing}?`,
      completion: `The ${thing} is ${colour}.`,
      editedByHand: false,
    }
  })
}

export const SETTINGS: TrainSettings = {
  ...SMALL_TRAINING,
  vocabulary: 320,
  steps: 12,
  learningRate: 0.004,
  evaluateEvery: 6,
}

export const IDS = {
  projectId: freshId('project') as ProjectId,
  studentId: freshId('student') as StudentId,
  datasetId: contentId('dataset', 1) as DatasetId,
  recipeHash: contentId('recipe', 1),
}
