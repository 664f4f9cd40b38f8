// Knows: how the metadata of a GGUF file is copied into another one, byte by byte: a value that was read has lost its
// width.
// Must not know: what the keys mean.
import { GgufCursor } from './gguf-cursor.ts'
import type { WrittenValue } from './gguf-write.ts'

/**
 * All keys of a header that readGgufHeader has accepted, in their order. `bytes` is the start of the file with the
 * complete header.
 */
export function copyMetadata(bytes: Uint8Array, fileBytes: number): Map<string, WrittenValue> {
  const cursor = new GgufCursor(bytes, fileBytes)
  cursor.take(8) // magic and version
  cursor.count('the number of tensors', Number.MAX_SAFE_INTEGER)
  const keys = cursor.count('the number of metadata keys', Number.MAX_SAFE_INTEGER)
  const metadata = new Map<string, WrittenValue>()
  for (let i = 0; i < keys; i++) {
    const key = cursor.text(`the name of key ${i + 1}`)
    const type = cursor.u32()
    const from = cursor.at
    cursor.value(type, key)
    metadata.set(key, { kind: 'raw', type, value: bytes.slice(from, cursor.at) })
  }
  return metadata
}
