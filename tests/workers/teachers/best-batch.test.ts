// How many rows a model is asked together: tried once on a machine, remembered, and never more than fit.
import { describe, expect, test } from 'vitest'
import type { MeasuredBatch } from '../../../src/domain/measured-batch.ts'
import type { SizedCard } from '../../../src/domain/model.ts'
import type { KnownBatches } from '../../../workers/teachers/best-batch.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
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

class Memory implements KnownBatches {
  kept: MeasuredBatch[] = []
  asked = 0
  find = async (fingerprint: string, device: string): Promise<MeasuredBatch | undefined> => {
    this.asked += 1
    return this.kept.find((one) => one.fingerprint === fingerprint && one.device === device)
  }
  keep = async (measured: MeasuredBatch): Promise<void> => void this.kept.push(measured)
}

const open = async (batches?: KnownBatches, changed: Partial<SizedCard> = {}): Promise<EngineTeacher> =>
  openEngineTeacher(
    { card: { ...card, ...changed }, tokenizer: byteTokenizer, loadWeights: async () => makeTinyWeights() },
    {
      backend: 'wasm',
      contextLength: 128,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      runtime: await openTestRuntime(),
      ...(batches ? { batches } : {}),
    },
  )

async function batchOf(
  batches?: KnownBatches,
  changed?: Partial<SizedCard>,
): Promise<{ batch: number; notes: string }> {
  const teacher = await open(batches, changed)
  const { batch, notes } = teacher.description
  await teacher.release()
  return { batch, notes: notes.join(' ') }
}

describe('the number of rows that are worked on together', () => {
  test('is tried when a model is first loaded, told with what was measured, and remembered', async () => {
    const memory = new Memory()
    const first = await batchOf(memory)
    expect(memory.kept).toMatchObject([
      { fingerprint: card.fingerprint, device: 'wasm, 1 threads, f32', batch: first.batch },
    ])
    expect(memory.kept[0]?.rates.map(({ rows }) => rows)).toContain(first.batch)
    expect(memory.kept[0]?.rates.every(({ tokensPerSecond }) => tokensPerSecond > 0)).toBe(true)
    expect(first.notes).toMatch(/best here: .* tokens a second/)
    memory.kept = memory.kept.map((one) => ({
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
        '2 rows at a time are best here: 40 tokens a second, against 3.0 tokens a second with one',
      ),
    })
    expect(memory.kept).toHaveLength(1)
  })

  test('is another for another model, and eight where nothing may be tried', async () => {
    const memory = new Memory()
    await batchOf(memory)
    await batchOf(memory, { fingerprint: '1'.repeat(16) })
    expect(memory.kept.map(({ fingerprint }) => fingerprint)).toEqual(['0'.repeat(16), '1'.repeat(16)])
    expect((await batchOf()).batch).toBe(8)
  })

  test('stays at eight at most for a model that nearly fills the memory of wasm, whatever was remembered', async () => {
    const memory = new Memory()
    memory.kept = [
      { fingerprint: card.fingerprint, device: 'wasm, 1 threads, f32', batch: 32, rates: [], measuredAt: 0 },
    ]
    expect((await batchOf(memory, { memoryBytes: { wasm: 3 * 2 ** 30, webgpu: 1 } })).batch).toBe(8)
  })

  test('is used though it cannot be kept', async () => {
    const memory = new Memory()
    memory.keep = async () => Promise.reject(new Error('the disk is full'))
    expect((await batchOf(memory)).batch).toBeGreaterThanOrEqual(1)
  })
})
