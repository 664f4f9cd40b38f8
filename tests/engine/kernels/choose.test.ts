// Which module is chosen: the probe's finding decides, a module that computes wrong is passed over, and nothing is used that is wrong.
import { expect, test } from 'vitest'
import { chooseKernels, type ModuleName } from '../../../src/engine/kernels/choose.ts'
import { KernelHeap } from '../../../src/engine/kernels/heap.ts'
import { findWrongProducts } from '../../../src/engine/kernels/self-test.ts'
import { compileOnce, openTestKernels } from './open-kernels.ts'

/** A module whose `probe` returns this number: i32.const in LEB128. */
const probeOf = (bytes: readonly number[]): Promise<WebAssembly.Module> =>
  WebAssembly.compile(
    Uint8Array.from([...HEAD, bytes.length + 5, 1, bytes.length + 3, 0, 0x41, ...bytes, 0x0b]),
  )
/** A module with one function without parameters that returns an i32, exported as “probe”, up to the size of its code section. */
const HEAD = Buffer.from('0061736d010000000105016000017f030201000709010570726f626500000a', 'hex')
/** 80000 and 5 in LEB128. */
const UNSIGNED = [0x80, 0xf1, 0x04]
const OTHER = [0x05]

/** Loads these modules by name, and records what was requested. */
function loader(modules: Partial<Record<ModuleName, () => Promise<WebAssembly.Module>>>) {
  const requested: ModuleName[] = []
  const load = async (name: ModuleName): Promise<WebAssembly.Module> => {
    requested.push(name)
    const found = modules[name]
    if (found === undefined) throw new Error(`no ${name}`)
    return found()
  }
  return { requested, load }
}

test('takes plain products where relaxed instructions do not exist or are not fast', async () => {
  for (const probe of [undefined, () => probeOf(OTHER)]) {
    const { load, requested } = loader({
      ...(probe === undefined ? {} : { probe }),
      'plain-alone': () => compileOnce('plain', false),
    })
    const { kernels, rejected } = await chooseKernels(load, false)
    expect(kernels.dot).toBe('plain')
    expect(rejected).toEqual([])
    expect(requested).toEqual(['probe', 'plain-alone'])
  }
})

test('passes over a module that is wrong on this machine and one that does not load, and says why', async () => {
  // The plain module's activations are of 16 bits: with the layout of another module its products are wrong.
  const { load } = loader({
    probe: () => probeOf(UNSIGNED),
    'unsigned-shared': () => compileOnce('plain', true),
    'plain-shared': () => compileOnce('plain', true),
  })
  const wrong = await chooseKernels(load, true)
  expect(wrong.kernels.dot).toBe('plain')
  expect(wrong.kernels.heap.shared).toBe(true)
  expect(wrong.rejected).toEqual([
    expect.stringMatching(/^unsigned: products of q4 are wrong in first code$/),
  ])
  const missing = await chooseKernels(
    loader({ probe: () => probeOf(UNSIGNED), 'plain-alone': () => compileOnce('plain', false) }).load,
    false,
  )
  expect(missing.rejected).toEqual(['unsigned: no unsigned-alone'])
})

test('uses nothing if even plain products are wrong', async () => {
  const kernels = await openTestKernels()
  const broken = {
    ...kernels,
    functions: {
      ...kernels.functions,
      multiply: (...args: Parameters<typeof kernels.functions.multiply>) => {
        kernels.functions.multiply(...args)
        // One bit of one sum.
        const at = args[3] / 4 + 17
        kernels.heap.integers[at] = (kernels.heap.integers[at] ?? 0) ^ 1
      },
    },
  }
  expect(await findWrongProducts(kernels)).toBeUndefined()
  expect(await findWrongProducts(broken)).toBe('products of q4 are wrong in first code')
})

test('finds an error that only optimised code makes', async () => {
  const kernels = await openTestKernels()
  let calls = 0
  const broken = {
    ...kernels,
    functions: {
      ...kernels.functions,
      roundRow: (...args: Parameters<typeof kernels.functions.roundRow>) => {
        kernels.functions.roundRow(...args)
        if (++calls > 50) kernels.heap.integers[args[1] / 4] = 0x0101_0101
      },
    },
  }
  expect(await findWrongProducts(broken)).toBe('products of q4 are wrong in optimised code')
})

test('grows its memory and refuses with a sentence when it is full', () => {
  const heap = new KernelHeap(false)
  const first = heap.allocate(100)
  heap.bytes.fill(7, first, first + 100)
  const second = heap.allocate(40 * 2 ** 20)
  expect(second % 64).toBe(0)
  expect(heap.bytes[first + 99]).toBe(7)
  expect(heap.bytes[second]).toBe(0)
  expect(() => heap.allocate(2 ** 32)).toThrow(/more than the 0\.0 GiB/)
})

test('uses freed memory again, zeroed, and keeps what is to stay', () => {
  const heap = new KernelHeap(false)
  const stays = heap.allocate(64)
  heap.bytes.fill(1, stays, stays + 64)
  heap.keep()
  const first = heap.allocate(1000)
  heap.bytes.fill(7, first, first + 1000)
  const { byteLength } = heap.memory.buffer
  for (let i = 0; i < 3; i++) {
    heap.reset()
    expect(heap.allocate(500)).toBe(first)
    const next = heap.allocate(2000)
    expect(heap.bytes.subarray(first, next + 2000).some((byte) => byte !== 0)).toBe(false)
    heap.bytes.fill(9, first, next + 2000)
  }
  expect(heap.bytes[stays + 63]).toBe(1)
  expect(heap.memory.buffer.byteLength).toBe(byteLength)
})
