// Inputs in the runtime's heap are read without a copy; the outputs equal those of a run with copies.
import { expect, test, vi } from 'vitest'
import { Graph } from '../../../src/engine/graph/graph.ts'
import { add, matMul } from '../../../src/engine/graph/ops/index.ts'
import { addressInHeap, reserveInHeap } from '../../../src/engine/runtime/heap-floats.ts'
import type { HeapModule } from '../../../src/engine/runtime/heap-module.ts'
import { HeapRun } from '../../../src/engine/runtime/heap-run.ts'
import { onHost, type HostTensor } from '../../../src/engine/runtime/types.ts'
import { openTestRuntime } from '../session.ts'

const buildGraph = () => {
  const g = new Graph()
  const x = g.input('x', 'f32', ['B', 3])
  const y = g.input('y', 'f32', [3, 'N'])
  g.output('product', matMul(g, x, y))
  g.output('twice', add(g, x, x))
  return g.finish()
}
const tensor = (data: Float32Array, ...shape: number[]): HostTensor => ({ dtype: 'f32', shape, data })

test('runs on floats in the heap without copies, sees later writes, and returns what `run` returns', async () => {
  const runtime = await openTestRuntime()
  const session = await runtime.open(buildGraph())
  if (session.runInPlace === undefined || runtime.reserve === undefined)
    throw new Error('this build of the runtime does not expose its heap')
  const floats = runtime.reserve(12)
  floats.data.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  expect(addressInHeap(floats.data)).toBeGreaterThan(0)
  expect(addressInHeap(floats.data.subarray(3))).toBe((addressInHeap(floats.data) ?? 0) + 12)
  expect(addressInHeap(new Float32Array(4))).toBeUndefined()
  const y = Float32Array.of(1, 0, 0, 1, 1, 1)
  for (let round = 0; round < 3; round++) {
    floats.data[3] = 4 + round
    const feeds = { x: tensor(floats.data.subarray(3, 9), 2, 3), y: tensor(y, 3, 2) }
    const seen = await session.runInPlace(feeds, ['product', 'twice'], (outputs) => {
      const product = onHost(outputs, 'product')
      expect(addressInHeap(product.data)).toBeGreaterThan(0)
      return {
        shape: product.shape,
        product: [...(product.data as Float32Array)],
        twice: [...(onHost(outputs, 'twice').data as Float32Array)],
      }
    })
    const copied = await session.run(feeds)
    expect(seen).toEqual({
      shape: [2, 2],
      product: [...(onHost(copied, 'product').data as Float32Array)],
      twice: [...(onHost(copied, 'twice').data as Float32Array)],
    })
    expect(seen.product).toEqual([4 + round + 6, 11, 16, 17])
  }
  floats.free()
  floats.free() // a second time does nothing
  await session.release()
  await expect(
    session.runInPlace({ x: tensor(y, 2, 3), y: tensor(y, 3, 2) }, ['product'], () => 0),
  ).rejects.toThrow(/released/)
})

test('rejects with the runtime’s own error message and leaks nothing', async () => {
  const runtime = await openTestRuntime()
  const session = await runtime.open(buildGraph())
  const bytes = runtime.heapBytes()
  for (let i = 0; i < 200; i++)
    await expect(
      session.runInPlace?.(
        { x: tensor(new Float32Array(40_000), 10_000, 4), y: tensor(new Float32Array(6), 3, 2) },
        ['product'],
        () => 0,
      ),
    ).rejects.toThrow(/Got invalid dimensions|INVALID_ARGUMENT/i)
  for (let i = 0; i < 200; i++) {
    const floats = runtime.reserve?.(100_000)
    await session.runInPlace?.(
      {
        x: tensor(floats?.data.subarray(0, 30_000).fill(1) ?? new Float32Array(30_000), 10_000, 3),
        y: tensor(new Float32Array(6), 3, 2),
      },
      ['product'],
      () => 0,
    )
    floats?.free()
  }
  expect(runtime.heapBytes() - bytes).toBeLessThanOrEqual(8 << 20) // 400 runs of at least 160 KB
  await session.release()
})

/** A heap that records where tensors are created, and fails to compute. */
class HeapOnly implements HeapModule {
  readonly buffer = new ArrayBuffer(65_536)
  readonly tensorsAt: number[] = []
  readonly freed: number[] = []
  #end = 8
  allocate(bytes: number): number {
    const at = this.#end
    this.#end += Math.ceil(bytes / 8) * 8
    return at
  }
  free(address: number): void {
    this.freed.push(address)
  }
  createTensor(_type: number, data: number): number {
    return this.tensorsAt.push(data)
  }
  releaseTensor = (): number => 0
  getTensorData = (): number => 1
  freeDims = (): number => 0
  createRunOptions = (): number => 1
  releaseRunOptions = (): number => 0
  run = (): number => 1
  getLastError(_code: number, message: number): number {
    new Uint32Array(this.buffer, message, 1)[0] = 1
    return 0
  }
  readText = (): string => 'no computation'
}

test('creates a tensor in place for an input in the heap; copies any other input and frees the copy', async () => {
  const heap = new HeapOnly()
  const floats = reserveInHeap(heap, 6)
  const elsewhere = Float32Array.of(7, 8, 9)
  await expect(
    new HeapRun(heap, 1).run(
      { x: tensor(floats.data, 2, 3), y: tensor(elsewhere, 3, 1) },
      ['product'],
      () => 0,
    ),
  ).rejects.toThrow('no computation')
  const [x, y = 0] = heap.tensorsAt
  expect(x).toBe(floats.data.byteOffset)
  expect([...new Float32Array(heap.buffer, y, 3)]).toEqual([7, 8, 9])
  expect(heap.freed).toContain(y)
  expect(heap.freed).not.toContain(x)
})

test('takes a smaller wasm memory where the browser refuses 4 GB, and reports what was granted', async () => {
  const own = WebAssembly.Memory
  const requested: (number | undefined)[] = []
  class Small extends own {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      requested.push(descriptor.maximum)
      if ((descriptor.maximum ?? 0) > 20_000) throw new RangeError('Out of memory')
      super(descriptor)
    }
  }
  WebAssembly.Memory = Small
  vi.resetModules()
  try {
    const { heapBytes, heapLimit, watchHeap } = await import('../../../src/engine/runtime/heap.ts')
    expect(heapLimit()).toBe(2 ** 32)
    watchHeap()
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true })
    expect(requested).toEqual([65_536, 32_768, 16_384])
    expect(heapLimit()).toBe(2 ** 30)
    expect(heapBytes()).toBe(2 * 65_536)
    expect(memory.buffer.byteLength).toBe(2 * 65_536)
    // What no size can satisfy stays an error of the browser's own.
    expect(() => new WebAssembly.Memory({ initial: 30_000, maximum: 60_000, shared: true })).toThrow(
      RangeError,
    )
  } finally {
    WebAssembly.Memory = own
  }
})
