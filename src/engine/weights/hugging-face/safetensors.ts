// Knows: how a safetensors file is written: eight bytes of length, a JSON header, the tensors.
// Must not know: what the tensors mean (exports/student-files.ts).
// Format: the safetensors repository's README; the header is padded with spaces so that the data starts at a multiple
// of 8 bytes.

/** A tensor to write, in row-major order. */
export interface PlainTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const ALIGNMENT = 8

/** The whole file, every tensor as F32. `metadata` has texts only; transformers requires `format: 'pt'`. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, PlainTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  let end = 0
  const entries = [...tensors].map(([name, { shape, data }]): [string, object] => {
    const start = end
    end += data.byteLength
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }]
  })
  const json = new TextEncoder().encode(
    JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }),
  )
  const headerBytes = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT
  const dataStart = 8 + headerBytes
  const file = new Uint8Array(dataStart + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.fill(0x20, 8, dataStart)
  file.set(json, 8)
  let at = dataStart
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}
