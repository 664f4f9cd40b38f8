// A stored student answers: with its last weights what it learned, with its first ones nothing it could know.
import { describe, expect, test } from 'vitest'
import { GREEDY, type CompletionRequest, type CompletionResult } from '../../../src/domain/model.ts'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/student-template.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { makeStudentWeights } from '../../../src/engine/training/student-weights.ts'
import { Trainer } from '../../../src/engine/training/trainer.ts'
import { StudentWriter } from '../../../workers/student/complete.ts'
import { needStoredStudent } from '../../../workers/student/stored-student.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows } from './memory-stores.ts'
import { trainSmall } from './train-small.ts'

const ask = (id: string, content: string): CompletionRequest => ({
  id,
  asked: {
    kind: 'chat',
    messages: [
      { role: 'system', content: '' },
      { role: 'user', content },
    ],
  },
  sampling: { ...GREEDY, maxTokens: 24, rngSeed: id },
})

async function complete(
  writer: StudentWriter,
  which: 'before' | 'after',
  requests: readonly CompletionRequest[],
  signal = new AbortController().signal,
): Promise<CompletionResult[]> {
  const results: CompletionResult[] = []
  const summary = await writer.complete(
    { ...IDS, which, requests },
    { signal, emit: (event) => event.kind === 'completion' && results.push(event.result) },
  )
  expect(summary.newTokens).toBeGreaterThan(0)
  return results
}

describe('a trained student', () => {
  test('writes what it was trained on, its first weights do not, and both repeat themselves', async () => {
    const stores = await trainSmall(220)
    const writer = new StudentWriter(stores, openTestRuntime)
    const rows = makeRows(24, 4).slice(0, 10)
    const requests = rows.map(({ prompt }, i) => ask(String(i), prompt))
    const after = await complete(writer, 'after', requests)
    expect(after.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual(rows.map((_, i) => i))
    const right = after.filter(({ id, text }) => text === rows[Number(id)]?.completion)
    expect(right.length).toBeGreaterThanOrEqual(5)
    expect(after.every(({ promptTokens, tokens }) => promptTokens > 5 && tokens <= 24)).toBe(true)
    const before = await complete(writer, 'before', requests)
    expect(before.some(({ id, text }) => text === rows[Number(id)]?.completion)).toBe(false)
    expect(await complete(new StudentWriter(stores, openTestRuntime), 'before', requests)).toEqual(before)
    expect(await complete(writer, 'after', requests)).toEqual(after)
    await writer.close()
  })

  test('gives in its cached generator the probabilities that its training computed', async () => {
    const { checkpoint, tokenizer } = await needStoredStudent(
      await trainSmall(40),
      IDS.projectId,
      IDS.studentId,
    )
    const runtime = await openTestRuntime()
    const trainer = new Trainer(
      runtime,
      { shape: checkpoint.shape, weightDecay: 0, clip: 0 },
      checkpoint.state,
    )
    const generator = await Generator.create(
      runtime,
      makeStudentWeights(checkpoint.shape, checkpoint.state.weights),
      tokenizer,
    )
    for (const row of makeRows(24, 4).slice(22, 26)) {
      const { ids, border } = renderStudentExample(
        tokenizer,
        row.system ? row : { prompt: row.prompt, completion: row.completion },
      )
      const batch = makeBatch([[{ tokens: Int32Array.from(ids), from: border - 1 }]], 1, 64)
      const logProb = -(await trainer.measure([batch])) * batch.counted
      let scored = Number.NaN
      await generator.score([{ id: 'x', tokens: ids.slice(0, border), continuations: [ids.slice(border)] }], {
        onResult: ({ logProbs }) => (scored = logProbs[0] ?? Number.NaN),
      })
      expect(Math.abs(scored - logProb)).toBeLessThanOrEqual(1e-3)
    }
    await trainer.release()
    await generator.release()
  })
})

test('a student without a checkpoint, and one whose checkpoint is broken, are refused with a sentence', async () => {
  const stores = makeMemoryStores([])
  const writer = new StudentWriter(stores, openTestRuntime)
  const call = { signal: new AbortController().signal, emit: () => undefined }
  await expect(writer.complete({ ...IDS, which: 'after', requests: [] }, call)).rejects.toMatchObject({
    name: 'ModelMissing',
    message: expect.stringMatching(/no checkpoint yet\. Train it/),
  })
  stores.checkpoint = new Uint8Array(40)
  await expect(writer.complete({ ...IDS, which: 'after', requests: [] }, call)).rejects.toMatchObject({
    name: 'ModelRefused',
  })
})
