// What lies in the runtime's heap is read where it is; answers are the same as those that are copied.
import { expect, test } from 'vitest'
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

test('a session looks at numbers in the heap without copies, sees what is written there later, and answers as a run does', async () => {
  const runtime = await openTestRuntime()
  const session = await runtime.open(buildGraph())
  if (session.look === undefined || runtime.reserve === undefined)
    throw new Error('this build of the runtime is not of the form that is known')
  const held = runtime.reserve(12)
  held.data.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  expect(addressInHeap(held.data)).toBeGreaterThan(0)
  expect(addressInHeap(held.data.subarray(3))).toBe((addressInHeap(held.data) ?? 0) + 12)
  expect(addressInHeap(new Float32Array(4))).toBeUndefined()
  const y = Float32Array.of(1, 0, 0, 1, 1, 1)
  for (let round = 0; round < 3; round++) {
    held.data[3] = 4 + round
    const feeds = { x: tensor(held.data.subarray(3, 9), 2, 3), y: tensor(y, 3, 2) }
    const seen = await session.look(feeds, ['product', 'twice'], (outputs) => {
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
  held.free()
  held.free() // a second time does nothing
  await session.release()
  await expect(
    session.look({ x: tensor(y, 2, 3), y: tensor(y, 3, 2) }, ['product'], () => 0),
  ).rejects.toThrow(/released/)
})

test('what the runtime refuses is told in its words, and nothing is left behind', async () => {
  const runtime = await openTestRuntime()
  const session = await runtime.open(buildGraph())
  const bytes = runtime.heapBytes()
  for (let i = 0; i < 200; i++)
    await expect(
      session.look?.(
        { x: tensor(new Float32Array(40_000), 10_000, 4), y: tensor(new Float32Array(6), 3, 2) },
        ['product'],
        () => 0,
      ),
    ).rejects.toThrow(/Got invalid dimensions|INVALID_ARGUMENT/i)
  for (let i = 0; i < 200; i++) {
    const held = runtime.reserve?.(100_000)
    await session.look?.(
      {
        x: tensor(held?.data.subarray(0, 30_000).fill(1) ?? new Float32Array(30_000), 10_000, 3),
        y: tensor(new Float32Array(6), 3, 2),
      },
      ['product'],
      () => 0,
    )
    held?.free()
  }
  expect(runtime.heapBytes() - bytes).toBeLessThanOrEqual(8 << 20) // 400 runs of 160 KB and more
  await session.release()
})

/** A heap that notes where tensors are made, and refuses to compute. */
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
  readText = (): string => 'it only notes'
}

test('an input that lies in the heap is a tensor where it lies, any other is copied and given back', async () => {
  const heap = new HeapOnly()
  const held = reserveInHeap(heap, 6)
  const elsewhere = Float32Array.of(7, 8, 9)
  await expect(
    new HeapRun(heap, 1).run(
      { x: tensor(held.data, 2, 3), y: tensor(elsewhere, 3, 1) },
      ['product'],
      () => 0,
    ),
  ).rejects.toThrow('it only notes')
  const [x, y = 0] = heap.tensorsAt
  expect(x).toBe(held.data.byteOffset)
  expect([...new Float32Array(heap.buffer, y, 3)]).toEqual([7, 8, 9])
  expect(heap.freed).toContain(y)
  expect(heap.freed).not.toContain(x)
})
