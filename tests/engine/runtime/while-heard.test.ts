// Knows: that work without a sign of life is tried once more and then refused, and that slow work is left alone.
import { expect, test } from 'vitest'
import { whileHeard } from '../../../src/engine/runtime/while-heard.ts'

const LIMIT = 40
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const never = new Promise<never>(() => undefined)

test('leaves work alone that takes longer than the limit and shows signs of life', async () => {
  let tries = 0
  const work = async (heard: () => void): Promise<string> => {
    tries++
    for (let i = 0; i < 10; i++) {
      await pause(10)
      heard()
    }
    return 'done'
  }
  expect(await whileHeard(LIMIT, work)).toBe('done')
  expect(tries).toBe(1)
})

test('gives up a silent try, aborts it, and takes the result of the second', async () => {
  const signals: AbortSignal[] = []
  const result = await whileHeard(LIMIT, async (_heard, signal) => {
    signals.push(signal)
    return signals.length === 1 ? never : 'second'
  })
  expect(result).toBe('second')
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
})

test('refuses with a sentence after two silent tries', async () => {
  await expect(whileHeard(LIMIT, () => never)).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringMatching(/did not arrive.*twice/),
  })
})

test('passes on what the work throws, at once', async () => {
  let tries = 0
  const work = async (): Promise<never> => {
    tries++
    throw new TypeError('failed to fetch')
  }
  await expect(whileHeard(LIMIT, work)).rejects.toThrow('failed to fetch')
  expect(tries).toBe(1)
})
