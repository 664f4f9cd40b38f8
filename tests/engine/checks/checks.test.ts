// The self-check: all claims hold on this machine, and some fail on a machine that computes wrong numbers.
import { expect, test } from 'vitest'
import {
  CLASS_LOSSES,
  LONG_LOSSES,
  OPTION_LOSSES,
  PREFERENCE_LOSSES,
  TEXT_LOSSES,
} from '../../../src/engine/checks/expected.ts'
import { listClaims, tryClaim, type CheckResult } from '../../../src/engine/checks/index.ts'
import type { HostTensor, Runtime } from '../../../src/engine/runtime/types.ts'
import classes from '../../oracles/classes.json'
import long from '../../oracles/long-rows.json'
import oracle from '../../oracles/train-step.json'
import { openTestRuntime } from '../session.ts'

async function tryAll(runtime: Runtime): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const claim of listClaims({ runtime })) results.push(await tryClaim(claim, { runtime }))
  return results
}

test('all claims of the self-check hold on wasm', async () => {
  const results = await tryAll(await openTestRuntime())
  expect(results.filter(({ ok }) => !ok)).toEqual([])
  expect(results.length).toBeGreaterThan(75)
  expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
})

/** A runtime with wrong results, as of a broken driver. */
const makeWrong = (runtime: Runtime, wrong: (x: number, i: number) => number): Runtime => ({
  backend: runtime.backend,
  threads: runtime.threads,
  heapBytes: () => runtime.heapBytes(),
  open: async (model, options) => {
    const session = await runtime.open(model, options)
    return {
      run: async (feeds, outputs) =>
        Object.fromEntries(
          Object.entries(await session.run(feeds, outputs)).map(([name, tensor]) => [
            name,
            'onDevice' in tensor || !(tensor.data instanceof Float32Array)
              ? tensor
              : ({ ...tensor, data: tensor.data.map(wrong) } satisfies HostTensor),
          ]),
        ),
      release: () => session.release(),
    }
  },
})

test('the self-check detects errors of one percent in every fifth number', async () => {
  const right = await openTestRuntime()
  const results = await tryAll(makeWrong(right, (x, i) => (i % 5 === 0 ? x * 1.01 + 0.01 : x)))
  for (const group of ['products', 'gradients', 'losses', 'training'] as const)
    expect(
      results.some((result) => result.group === group && !result.ok),
      group,
    ).toBe(true)
  expect((await tryAll(makeWrong(right, () => Number.NaN))).filter(({ ok }) => ok)).toEqual([])
}, 120_000)

test('tryClaim returns the message of what the claim throws', async () => {
  const broken: Runtime = {
    backend: 'wasm',
    threads: 1,
    heapBytes: () => 0,
    open: () => Promise.reject(new Error('the driver is gone')),
  }
  const [claim] = listClaims({ runtime: broken })
  expect(await tryClaim(claim!, { runtime: broken })).toMatchObject({
    ok: false,
    error: 'the driver is gone',
  })
})

test('the expected losses of the self-check are the saved losses of PyTorch', () => {
  const rounded = (losses: readonly number[]): number[] => losses.map((loss) => Math.round(loss * 1e6) / 1e6)
  expect(TEXT_LOSSES).toEqual(rounded(oracle.losses))
  expect(LONG_LOSSES).toEqual(rounded(long.losses))
  for (const [name, losses] of Object.entries(OPTION_LOSSES))
    expect(losses, name).toEqual(
      rounded(oracle.variants[name as keyof typeof oracle.variants].losses.slice(0, losses.length)),
    )
  for (const name of ['hard', 'both'] as const)
    expect(CLASS_LOSSES[name], name).toEqual(rounded(classes[name].losses.slice(0, 3)))
  for (const [name, losses] of Object.entries(PREFERENCE_LOSSES))
    expect(losses, name).toEqual(
      rounded(oracle.preferences[name as keyof typeof oracle.preferences].losses.slice(0, losses.length)),
    )
})
