// The batch size of a model: measured once on a machine, stored, and never more than fits.
import { describe, expect, test } from 'vitest'
import type { MeasuredBatch } from '../../../src/domain/measured-batch.ts'
import type { SizedCard } from '../../../src/domain/model-card.ts'
import type { BatchStore } from '../../../workers/teachers/batch-size.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { fromFloats } from '../../../workers/teachers/kernel-sources.ts'
import { openEngineTeacher } from '../../../workers/teachers/open-engine-teacher.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { byteTokenizer, makeTinyWeights, TINY } from '../../engine/small-model.ts'

const { layers, width, vocabulary, context } = TINY
const card: SizedCard = {
  name: 'Tiny',
  form: 'gguf',
  fileName: 'tiny.gguf',
  fileBytes: 1,
  architecture: 'llama',
  parameters: 1,
  quantisation: 'F32',
  tensorTypes: {},
  contextLength: context,
  vocabularySize: vocabulary,
  layers,
  width,
  memoryBytes: { wasm: 1, webgpu: 1 },
  fingerprint: '0'.repeat(16),
  hasChatTemplate: false,
}

class Memory implements BatchStore {
  stored: MeasuredBatch[] = []
  find = async (fingerprint: string, device: string): Promise<MeasuredBatch | undefined> => {
    return this.stored.find((one) => one.fingerprint === fingerprint && one.device === device)
  }
  put = async (measured: MeasuredBatch): Promise<void> => void this.stored.push(measured)
}

const open = async (batches?: BatchStore, changed: Partial<SizedCard> = {}): Promise<EngineTeacher> =>
  openEngineTeacher(
    {
      card: { ...card, ...changed },
      tokenizer: byteTokenizer,
      loadWeights: async () => makeTinyWeights(),
      forKernels: () => fromFloats(TINY, async () => makeTinyWeights()),
    },
    {
      backend: 'wasm',
      contextLength: 128,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      runtime: await openTestRuntime(),
      ...(batches ? { batchStore: batches } : {}),
    },
  )

async function batchOf(
  batches?: BatchStore,
  changed?: Partial<SizedCard>,
): Promise<{ batch: number; notes: string }> {
  const teacher = await open(batches, changed)
  const { batch, notes } = teacher.description
  await teacher.release()
  return { batch, notes: notes.join(' ') }
}

describe('the batch size', () => {
  test('is measured at the first load, reported in a note and stored', async () => {
    const memory = new Memory()
    const first = await batchOf(memory)
    expect(memory.stored).toMatchObject([
      { fingerprint: card.fingerprint, device: 'wasm, 1 threads, f32', batch: first.batch },
    ])
    expect(memory.stored[0]?.rates.map(({ rows }) => rows)).toContain(first.batch)
    expect(memory.stored[0]?.rates.every(({ tokensPerSecond }) => tokensPerSecond > 0)).toBe(true)
    expect(first.notes).toMatch(/Batch size \d+: .* tokens\/s/)
    memory.stored = memory.stored.map((one) => ({
      ...one,
      batch: 2,
      rates: [
        { rows: 1, tokensPerSecond: 3 },
        { rows: 2, tokensPerSecond: 40.4 },
      ],
    }))
    expect(await batchOf(memory)).toEqual({
      batch: 2,
      notes: expect.stringContaining(
        'Batch size 2: 40 tokens/s, against 3.0 with batch size 1 (measured with short prompts).',
      ),
    })
    expect(memory.stored).toHaveLength(1)
  })

  test('is measured per model, and is 8 without a store', async () => {
    const memory = new Memory()
    await batchOf(memory)
    await batchOf(memory, { fingerprint: '1'.repeat(16) })
    expect(memory.stored.map(({ fingerprint }) => fingerprint)).toEqual(['0'.repeat(16), '1'.repeat(16)])
    expect((await batchOf()).batch).toBe(8)
  })

  test('is limited to 8 for a model that nearly fills wasm’s memory, whatever is stored', async () => {
    const memory = new Memory()
    memory.stored = [
      { fingerprint: card.fingerprint, device: 'wasm, 1 threads, f32', batch: 32, rates: [], measuredAt: 0 },
    ]
    expect((await batchOf(memory, { memoryBytes: { wasm: 3 * 2 ** 30, webgpu: 1 } })).batch).toBe(8)
  })

  test('is used even if it cannot be stored', async () => {
    const memory = new Memory()
    memory.put = async () => Promise.reject(new Error('the disk is full'))
    expect((await batchOf(memory)).batch).toBeGreaterThanOrEqual(1)
  })
})
