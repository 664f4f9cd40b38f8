// Requests of a transaction are made some at a time.
import { expect, test } from 'vitest'
import { requestInParts } from '../../src/storage/parts.ts'

test('makes at most 64 requests at a time, and returns all results in order', async () => {
  let open = 0
  let max = 0
  const results = await requestInParts(
    Array.from({ length: 1000 }, (_, i) => i),
    async (i) => {
      open += 1
      max = Math.max(max, open)
      await Promise.resolve()
      open -= 1
      return 2 * i
    },
  )
  expect(max).toBe(64)
  expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => 2 * i))
  expect(await requestInParts([], async () => 1)).toEqual([])
})

test('a request that fails fails all of them', async () => {
  await expect(
    requestInParts([1, 2, 3], async (i) => {
      if (i === 2) throw new Error('full')
      return i
    }),
  ).rejects.toThrow('full')
})
