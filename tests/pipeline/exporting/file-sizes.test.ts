// Knows: that the sizes shown before a download are about right.
import { describe, expect, it } from 'vitest'
import { contentId } from '../../../src/domain/id.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { estimateDatasetBytes } from '../../../src/pipeline/exporting/dataset-sizes.ts'
import { estimateStudentBytes } from '../../../src/pipeline/exporting/file-sizes.ts'
import { exportRows } from '../../../src/pipeline/exporting/index.ts'

const rows = Array.from({ length: 300 }, (_, i): DatasetRow => ({
  rowId: contentId('row', i),
  seedId: contentId('seed', i),
  split: 'train',
  system: '',
  prompt: `How much are ${i} apples with “quotes”?`,
  completion: `They are ${2 * i} crowns 🙂.`,
  editedByHand: false,
}))
const shape = {
  layers: 30,
  width: 576,
  heads: 9,
  kvHeads: 3,
  feedForward: 1536,
  vocabulary: 49_152,
  context: 2048,
}

describe('estimateStudentBytes', () => {
  it('gives megabytes for adapters, and half a gigabyte for the merged folder', () => {
    const lora = {
      parameters: 134_515_008,
      trainedParameters: 2_442_240,
      shape,
      baseModel: {
        source: { kind: 'stored', name: 'a.gguf' },
        model: { name: 'SmolLM2', fingerprint: '0', quantisation: 'Q4_1' },
      },
    } as const
    expect(estimateStudentBytes(lora, 'adapter') / 1e6).toBeCloseTo(9.8, 1)
    expect(estimateStudentBytes(lora, 'huggingface') / 1e6).toBeCloseTo(540, -1)
    expect(estimateStudentBytes(lora, 'gguf') / 1e6).toBeCloseTo(271, -1)
  })
  it('gives 4 bytes per parameter for a student from scratch in both formats', () => {
    const own = { parameters: 400_000, shape: { ...shape, vocabulary: 1024 } }
    expect(estimateStudentBytes(own, 'gguf')).toBe(estimateStudentBytes(own, 'huggingface'))
    expect(Math.abs(estimateStudentBytes(own, 'gguf') - 1_640_000)).toBeLessThan(20_000)
  })
})

describe('estimateDatasetBytes', () => {
  it.each(['messages', 'prompt-completion', 'alpaca', 'csv'])(
    'is within a tenth of the file for %s',
    (format) => {
      const size = new TextEncoder().encode([...exportRows(rows, format).pieces].join('')).length
      expect(Math.abs(estimateDatasetBytes(rows, format) - size)).toBeLessThan(size / 10)
    },
  )
  it('counts only rows with a pair for pairs', () => {
    expect(estimateDatasetBytes(rows, 'preference')).toBe(0)
  })
})
