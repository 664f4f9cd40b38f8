// Hundreds of completions leave no more memory allocated than a few do.
import { expect, test } from 'vitest'
import { Generator, type GenerateRequest } from '../../../src/engine/generation/generator.ts'
import { byteTokenizer, makeTinyWeights } from '../small-model.ts'
import { openTestRuntime } from '../session.ts'

test('frees all memory after 500 completions of groups, of single rows and with aborts', async () => {
  const runtime = await openTestRuntime()
  let allocated = 0
  const counting = {
    ...runtime,
    reserve: (count: number) => {
      const floats = runtime.reserve?.(count)
      if (floats === undefined) throw new Error('this runtime has no heap')
      allocated += floats.data.byteLength
      let free = false
      return {
        data: floats.data,
        free: () => {
          if (!free) allocated -= floats.data.byteLength
          free = true
          floats.free()
        },
      }
    },
  }
  const generator = await Generator.create(counting, makeTinyWeights(), byteTokenizer, { batchSize: 8 })
  const request = (i: number): GenerateRequest => ({
    id: `${i}`,
    tokens: byteTokenizer.encode(
      `${['A rubric that is long enough to be shared. ', 'Another one of these, shared by a third. ', ''][i % 3]}Row ${i % 50}`,
    ),
    sampling: {
      temperature: 1,
      topK: 0,
      topP: 0.9,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens: 1 + (i % 4),
      stop: [],
      rngSeed: `${i}`,
    },
    ...(i % 7 === 0 ? { logProbs: 4 } : {}),
  })
  let [ended, begun] = [0, 0]
  const generate = async (count: number, stopAfter = count): Promise<void> => {
    const stop = new AbortController()
    const first = ended
    await generator.generate(
      Array.from({ length: count }, () => request(begun++)),
      { signal: stop.signal, onResult: () => void (++ended - first >= stopAfter && stop.abort()) },
    )
  }
  const round = async (): Promise<void> => {
    await generate(24)
    await generate(1)
    await generate(20, 5)
  }
  await round()
  await round()
  const early = { allocated, heap: runtime.heapBytes() }
  for (let rounds = 0; rounds < 16; rounds++) await round()
  expect(ended).toBeGreaterThanOrEqual(500)
  expect(allocated).toBeLessThanOrEqual(early.allocated) // cached prefixes only; no rows are open
  expect(runtime.heapBytes() - early.heap).toBeLessThanOrEqual(1 << 20)
  await generator.release()
  expect(allocated).toBe(0)
})
