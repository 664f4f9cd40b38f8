// A stored student completes prompts: with its final weights as it was trained, with its initial ones it cannot know anything.
import { describe, expect, test } from 'vitest'
import type { CompletionRequest, CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { Generator } from '../../../src/engine/generation/generator.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { makeStudentWeights } from '../../../src/engine/training/student-weights.ts'
import { Trainer } from '../../../src/engine/training/trainer.ts'
import { workAlone } from '../../../src/engine/kernels/team.ts'
import { openTestKernels } from '../../engine/kernels/open-kernels.ts'
import { StudentCompleter } from '../../../workers/student/complete.ts'
import { requireStoredStudent } from '../../../workers/student/stored-student.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows } from './memory-stores.ts'
import { trainSmall } from './train-small.ts'

const makeRequest = (id: string, content: string): CompletionRequest => ({
  id,
  input: {
    kind: 'chat',
    messages: [
      { role: 'system', content: '' },
      { role: 'user', content },
    ],
  },
  sampling: { ...GREEDY, maxTokens: 24, rngSeed: id },
})

async function complete(
  completer: StudentCompleter,
  which: 'before' | 'after',
  requests: readonly CompletionRequest[],
  signal = new AbortController().signal,
): Promise<CompletionResult[]> {
  const results: CompletionResult[] = []
  const summary = await completer.complete(
    { ...IDS, which, requests },
    { signal, emit: (event) => event.kind === 'completion' && results.push(event.result) },
  )
  expect(summary.newTokens).toBeGreaterThan(0)
  return results
}

describe('StudentCompleter', () => {
  test('reproduces the training texts with the final weights but not the initial ones, deterministically', async () => {
    const stores = await trainSmall(220)
    const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
    const rows = makeRows(24, 4).slice(0, 10)
    const requests = rows.map(({ prompt }, i) => makeRequest(String(i), prompt))
    const after = await complete(completer, 'after', requests)
    expect(after.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual(rows.map((_, i) => i))
    const right = after.filter(({ id, text }) => text === rows[Number(id)]?.completion)
    expect(right.length).toBeGreaterThanOrEqual(5)
    expect(after.every(({ promptTokens, tokens }) => promptTokens > 5 && tokens <= 24)).toBe(true)
    const before = await complete(completer, 'before', requests)
    expect(before.some(({ id, text }) => text === rows[Number(id)]?.completion)).toBe(false)
    expect(
      await complete(new StudentCompleter(stores, { openRuntime: openTestRuntime }), 'before', requests),
    ).toEqual(before)
    expect(await complete(completer, 'after', requests)).toEqual(after)
    await completer.close()
    // On the kernels, without a runtime; nothing is rounded there.
    const onKernels = new StudentCompleter(stores, {
      openRuntime: () => Promise.reject(new Error('no runtime is needed')),
      openKernels: async () => {
        const kernels = await openTestKernels()
        return { kernels, team: workAlone(kernels) }
      },
    })
    const byId = (results: readonly CompletionResult[]): CompletionResult[] =>
      results.toSorted((a, b) => Number(a.id) - Number(b.id))
    expect(byId(await complete(onKernels, 'after', requests))).toEqual(byId(after))
    await onKernels.close()
  }, 120_000)

  test('scores with the KV cache the log-probabilities that training computed', async () => {
    const { checkpoint, tokenizer } = await requireStoredStudent(
      await trainSmall(40),
      IDS.projectId,
      IDS.studentId,
    )
    const runtime = await openTestRuntime()
    const trainer = new Trainer(
      runtime,
      { shape: checkpoint.shape, weightDecay: 0, maxGradientNorm: 0 },
      checkpoint.state,
    )
    const generator = await Generator.create(
      runtime,
      makeStudentWeights(checkpoint.shape, checkpoint.state.weights),
      tokenizer,
    )
    for (const row of makeRows(24, 4).slice(22, 26)) {
      const { ids, promptLength } = renderStudentExample(
        tokenizer,
        row.system ? row : { prompt: row.prompt, completion: row.completion },
      )
      const batch = makeBatch([[{ tokens: Int32Array.from(ids), from: promptLength - 1 }]], 1, 64)
      const logProb = -(await trainer.measure([batch])) * batch.counted
      let scored = Number.NaN
      await generator.score(
        [{ id: 'x', tokens: ids.slice(0, promptLength), continuations: [ids.slice(promptLength)] }],
        {
          onResult: ({ logProbs }) => (scored = logProbs[0] ?? Number.NaN),
        },
      )
      expect(Math.abs(scored - logProb)).toBeLessThanOrEqual(1e-3)
    }
    await trainer.release()
    await generator.release()
  })
})

test('refuses a student without a checkpoint or with a corrupt one', async () => {
  const stores = makeMemoryStores([])
  const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
  const call = { signal: new AbortController().signal, emit: () => undefined }
  await expect(completer.complete({ ...IDS, which: 'after', requests: [] }, call)).rejects.toMatchObject({
    name: 'ModelMissing',
    message: expect.stringMatching(/no checkpoint yet\. Train it/),
  })
  stores.checkpoint = new Uint8Array(40)
  await expect(completer.complete({ ...IDS, which: 'after', requests: [] }, call)).rejects.toMatchObject({
    name: 'ModelRefused',
  })
})
