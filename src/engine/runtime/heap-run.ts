// Knows: a run through the runtime's C API that copies neither inputs that are in its heap nor outputs.
// onnxruntime-web's own `run` copies every input and every output: with a cache of 100 MB that is a fifth of a step.
// Must not know: models.
import type { DType } from '../graph/graph.ts'
import { addressInHeap } from './heap-floats.ts'
import type { HeapModule } from './heap-module.ts'
import type { Feeds, HostTensor, Outputs, TensorData } from './types.ts'

/** onnx.TensorProto.DataType */
const CODES: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 }
const LOCATION_CPU = 1

export class HeapRun {
  readonly #module: HeapModule
  readonly #session: number
  readonly #names = new Map<string, number>()

  constructor(module: HeapModule, session: number) {
    this.#module = module
    this.#session = session
  }

  /**
   * Runs and passes `use` the outputs, which are views of the heap and valid during `use` only. Throws the
   * runtime's error message.
   */
  async run<T>(feeds: Feeds, wanted: readonly string[], use: (outputs: Outputs) => T): Promise<T> {
    const module = this.#module
    const inputs = Object.entries(feeds)
    const allocated: number[] = []
    const tensors: number[] = []
    const allocate = (bytes: number): number => {
      const address = module.allocate(Math.max(1, bytes))
      if (address === 0)
        throw new RangeError(`The wasm heap has no room for ${bytes} more bytes: out of memory.`)
      allocated.push(address)
      return address
    }
    let options = 0
    try {
      for (const [name, tensor] of inputs) {
        if ('onDevice' in tensor) throw new TypeError(`“${name}” is on the GPU, not in host memory`)
        tensors.push(this.#makeTensor(tensor, allocate))
      }
      const pointers = (values: readonly number[]): number => {
        const address = allocate(values.length * 4)
        new Uint32Array(module.buffer, address, values.length).set(values)
        return address
      }
      const [inputNames, inputValues] = [
        pointers(inputs.map(([name]) => this.#nameOf(name))),
        pointers(tensors),
      ]
      const [outputNames, outputValues] = [
        pointers(wanted.map((name) => this.#nameOf(name))),
        pointers(wanted.map(() => 0)),
      ]
      options = module.createRunOptions(3, 0, false, 0)
      const failed = await module.run(
        this.#session,
        inputNames,
        inputValues,
        inputs.length,
        outputNames,
        wanted.length,
        outputValues,
        options,
      )
      tensors.push(
        ...new Uint32Array(module.buffer, outputValues, wanted.length).filter((tensor) => tensor !== 0),
      )
      if (failed !== 0) throw new Error(this.#lastError(allocate))
      const outputs = tensors.slice(inputs.length)
      return use(Object.fromEntries(wanted.map((name, i) => [name, this.#viewOf(outputs[i] ?? 0, allocate)])))
    } finally {
      for (const tensor of tensors) module.releaseTensor(tensor)
      for (const address of allocated) module.free(address)
      if (options !== 0) module.releaseRunOptions(options)
    }
  }

  release(): void {
    for (const address of this.#names.values()) this.#module.free(address)
    this.#names.clear()
  }

  #makeTensor({ dtype, shape, data }: HostTensor, allocate: (bytes: number) => number): number {
    const module = this.#module
    let address = addressInHeap(data)
    if (address === undefined) {
      address = allocate(data.byteLength)
      new Uint8Array(module.buffer, address, data.byteLength).set(
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      )
    }
    const dims = allocate(shape.length * 4)
    new Uint32Array(module.buffer, dims, shape.length).set(shape)
    const tensor = module.createTensor(
      CODES[dtype],
      address,
      data.byteLength,
      dims,
      shape.length,
      LOCATION_CPU,
    )
    if (tensor === 0) throw new Error(this.#lastError(allocate))
    return tensor
  }

  #viewOf(tensor: number, allocate: (bytes: number) => number): HostTensor {
    const module = this.#module
    const info = allocate(16)
    if (module.getTensorData(tensor, info, info + 4, info + 8, info + 12) !== 0)
      throw new Error(this.#lastError(allocate))
    const { buffer } = module
    const [code = 0, address = 0, dims = 0, rank = 0] = new Uint32Array(buffer, info, 4)
    const shape = [...new Uint32Array(buffer, dims, rank)]
    module.freeDims(dims)
    const size = shape.reduce((product, length) => product * length, 1)
    return view(code, buffer, address, size, shape)
  }

  /** Address of a name as a zero-terminated C string, allocated once. */
  #nameOf(name: string): number {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const bytes = new TextEncoder().encode(`${name}\0`)
    const address = this.#module.allocate(bytes.length)
    new Uint8Array(this.#module.buffer, address).set(bytes)
    this.#names.set(name, address)
    return address
  }

  #lastError(allocate: (bytes: number) => number): string {
    const at = allocate(8)
    this.#module.getLastError(at, at + 4)
    const [, message = 0] = new Uint32Array(this.#module.buffer, at, 2)
    return message === 0 ? 'The runtime failed without an error message.' : this.#module.readText(message)
  }
}

function view(
  code: number,
  buffer: ArrayBufferLike,
  address: number,
  size: number,
  shape: readonly number[],
): HostTensor {
  // An empty tensor may have no address at all.
  const from = size === 0 ? 0 : address
  const as = (dtype: DType, data: TensorData): HostTensor => ({ dtype, shape, data })
  switch (code) {
    case CODES.f32:
      return as('f32', new Float32Array(buffer, from, size))
    case CODES.i64:
      return as('i64', new BigInt64Array(buffer, from, size))
    case CODES.i32:
      return as('i32', new Int32Array(buffer, from, size))
    case CODES.u8:
      return as('u8', new Uint8Array(buffer, from, size))
    case CODES.bool:
      return as('bool', new Uint8Array(buffer, from, size))
    default:
      throw new TypeError(`the runtime returned a tensor of type ${code}`)
  }
}
