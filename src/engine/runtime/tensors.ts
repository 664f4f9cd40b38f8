// Knows: how to convert between our tensors and onnxruntime's.
import type { Tensor } from 'onnxruntime-web/wasm'
import type { DType } from '../graph/graph.ts'
import type { DeviceTensor, HostTensor, TensorData } from './types.ts'

type OrtType = 'float32' | 'float16' | 'int32' | 'int64' | 'bool' | 'uint8'
const ORT_TYPES: Readonly<Record<DType, OrtType>> = {
  f32: 'float32',
  f16: 'float16',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
  u8: 'uint8',
}
const OUR_TYPES = new Map<string, DType>(
  Object.entries(ORT_TYPES).map(([ours, theirs]) => [theirs, ours as DType]),
)

/** Runs work of the runtime and rethrows its errors as EngineError; `doing` completes the sentence "failed while …". */
export type Guard = <T>(work: () => Promise<T>, doing: string) => Promise<T>

export type TensorMaker = new (type: OrtType, data: TensorData, shape: readonly number[]) => Tensor

/** An output that stayed on the GPU. */
export class OrtDeviceTensor implements DeviceTensor {
  readonly onDevice = true
  readonly shape: readonly number[]
  readonly tensor: Tensor
  readonly #guard: Guard
  constructor(tensor: Tensor, guard: Guard) {
    this.tensor = tensor
    this.#guard = guard
    this.shape = tensor.dims
  }

  async read(): Promise<TensorData> {
    return checkData(await this.#guard(() => this.tensor.getData(false), 'reading from the graphics card'))
  }

  dispose(): void {
    this.tensor.dispose()
  }
}

/** Our tensor as onnxruntime's; the data is not copied here (wasm copies it on every run). */
export function toOrt(make: TensorMaker, tensor: HostTensor | DeviceTensor): Tensor {
  if ('onDevice' in tensor) {
    if (!(tensor instanceof OrtDeviceTensor))
      throw new TypeError('the device tensor belongs to another runtime')
    return tensor.tensor
  }
  return new make(ORT_TYPES[tensor.dtype], tensor.data, tensor.shape)
}

export function fromOrt(tensor: Tensor, guard: Guard): HostTensor | OrtDeviceTensor {
  if (tensor.location === 'gpu-buffer') return new OrtDeviceTensor(tensor, guard)
  const dtype = OUR_TYPES.get(tensor.type)
  if (dtype === undefined) throw new TypeError(`the runtime returned a tensor of type ${tensor.type}`)
  return { dtype, shape: tensor.dims, data: checkData(tensor.data) }
}

/**
 * Frees a tensor's memory immediately: nothing may read it afterwards. Every training step allocates the state
 * again, and until the garbage collector frees the old one, the new one needs fresh pages.
 */
export function dropTensor(tensor: HostTensor | DeviceTensor): void {
  if ('onDevice' in tensor) return tensor.dispose()
  const { buffer } = tensor.data
  // Not supported by browsers before 2024; the garbage collector frees it later there.
  if (buffer instanceof ArrayBuffer && 'transfer' in buffer && typeof buffer.transfer === 'function')
    buffer.transfer(0)
}

function checkData(data: unknown): TensorData {
  if (
    data instanceof Float32Array ||
    data instanceof Int32Array ||
    data instanceof BigInt64Array ||
    data instanceof Uint8Array ||
    data instanceof Uint16Array
  )
    return data
  // If the platform has Float16Array, the runtime returns one; its bits are what it takes as input.
  if (ArrayBuffer.isView(data) && data.constructor.name === 'Float16Array')
    return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
  throw new TypeError('the runtime returned data of an unknown type')
}
