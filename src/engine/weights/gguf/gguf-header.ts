// Knows: the header of a GGUF file (versions 2 and 3): metadata, and the position of each tensor.
// Must not know: what the keys mean (describe-gguf.ts), how a tensor's bytes are read (quants/).
// Format: docs/gguf.md of the ggml repository.
import { GgufCursor, NeedMore, Refusal } from './gguf-cursor.ts'
import type { GgufValue } from './gguf-cursor.ts'
import { findGgufType } from './gguf-types.ts'
import type { GgufType } from './gguf-types.ts'
import { quote, quoteValue } from '../quote.ts'
import type { ByteSource } from '../source.ts'

export type { GgufValue } from './gguf-cursor.ts'
export type { GgufType } from './gguf-types.ts'

export interface GgufTensor {
  readonly name: string
  readonly type: GgufType
  /** In ggml's order: shape[0] is contiguous. A matrix that maps K to N has shape [K, N], N rows of K. */
  readonly shape: readonly number[]
  /** From the start of the file. */
  readonly offset: number
  readonly bytes: number
}

export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
  /** Offset of the tensors' bytes, and the alignment of each tensor. */
  readonly dataStart: number
  readonly alignment: number
  /** Bytes of the header without the padding after it. */
  readonly headerBytes: number
}

export type HeaderResult =
  | { readonly kind: 'header'; readonly header: GgufHeader }
  /** Minimum number of bytes needed from the start of the file; read more, since it may grow again. */
  | { readonly kind: 'more'; readonly need: number }
  | { readonly kind: 'refused'; readonly sentence: string }

/** Bytes of a tensor's name that the format allows. */
const MAX_NAME = 64
/** Kind of a value: an unsigned number of 32 bits. */
const U32 = 4
const MAX_KEYS = 65_536
const MAX_TENSORS = 65_536
/** Far above any useful file: vocabularies of 262,144 tokens need about 15 MB. */
const MAX_HEADER = 256 * 1024 * 1024

/**
 * Reads the header from the start of a file. Never throws, for any bytes: returns the header, a request for more bytes,
 * or a sentence on why the file cannot be used. A file that is truncated after its header is refused too.
 */
export function readGgufHeader(bytes: Uint8Array, fileBytes: number): HeaderResult {
  try {
    const header = parseHeader(bytes, fileBytes)
    return { kind: 'header', header }
  } catch (thrown) {
    if (thrown instanceof NeedMore && thrown.bytes <= MAX_HEADER) return { kind: 'more', need: thrown.bytes }
    if (thrown instanceof NeedMore) return refuse('its header is larger than 256 MB, which no model needs')
    if (thrown instanceof Refusal) return refuse(thrown.reason)
    return refuse(
      `its header could not be read (${thrown instanceof Error ? thrown.message : String(thrown)})`,
    )
  }
}

/** Reads the header of a source in growing pieces. Rejects only if the source cannot be read. */
export async function readHeaderOf(source: ByteSource): Promise<Exclude<HeaderResult, { kind: 'more' }>> {
  // Most headers are 0.5 to 8 MB, nearly all of it vocabulary; parsing again from the start is cheap compared with the
  // disk.
  let size = Math.min(source.size, 2 * 1024 * 1024)
  for (;;) {
    const result = readGgufHeader(await source.read(0, size), source.size)
    if (result.kind !== 'more') return result
    size = Math.min(source.size, Math.max(result.need, size * 2))
  }
}

const refuse = (reason: string): HeaderResult => ({
  kind: 'refused',
  sentence: `This file cannot be used as a model: ${reason}. Choose another GGUF file or download this one again.`,
})

function parseHeader(bytes: Uint8Array, fileBytes: number): GgufHeader {
  if (fileBytes === 0) throw new Refusal('it is empty')
  const cursor = new GgufCursor(bytes, fileBytes)
  checkMagic(bytes, fileBytes)
  cursor.take(4)
  const version = checkVersion(cursor.u32())
  const tensorCount = cursor.count('the number of tensors', MAX_TENSORS)
  const keyCount = cursor.count('the number of metadata keys', MAX_KEYS)
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.text(`the name of key ${i + 1}`, 65_535)
    if (metadata.has(key)) throw new Refusal(`the key ${quote(key)} occurs twice`)
    const type = cursor.u32()
    if (key === 'general.alignment' && type !== U32)
      throw new Refusal(`its alignment has a value of kind ${type}; a number of kind ${U32} was expected`)
    metadata.set(key, cursor.value(type, key))
  }
  const alignment = checkAlignment(metadata.get('general.alignment') ?? 32)
  const listed: Listed[] = []
  const names = new Set<string>()
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readTensorInfo(cursor, i)
    if (names.has(tensor.name)) throw new Refusal(`the tensor ${quote(tensor.name)} occurs twice`)
    names.add(tensor.name)
    listed.push(tensor)
  }
  const headerBytes = cursor.at
  const dataStart = Math.ceil(headerBytes / alignment) * alignment
  const tensors = new Map(
    listed.map((tensor) => [tensor.name, locateTensor(tensor, dataStart, alignment, fileBytes)]),
  )
  checkOverlap(tensors)
  checkPadding(tensors, dataStart, alignment)
  return { version, metadata, tensors, dataStart, alignment, headerBytes }
}

function checkMagic(bytes: Uint8Array, fileBytes: number): void {
  const magic = [0x47, 0x47, 0x55, 0x46] // GGUF
  for (const [i, expected] of magic.entries()) {
    if (i >= bytes.length) {
      if (i >= fileBytes) throw new Refusal(`it has only ${fileBytes} bytes`)
      throw new NeedMore(24)
    }
    if (bytes[i] !== expected)
      throw new Refusal('it is not a GGUF file (its first four bytes are not "GGUF")')
  }
}

function checkVersion(version: number): number {
  if (version === 2 || version === 3) return version
  // Versions are small numbers: one in the upper half-word means the other byte order.
  if (version >= 65_536 && (version & 0xffff) === 0)
    throw new Refusal('it is big-endian; only little-endian files are supported')
  if (version === 1)
    throw new Refusal(
      'it is GGUF version 1, of August 2023; only versions 2 and 3 are supported. Convert it again with a current llama.cpp',
    )
  throw new Refusal(`it is GGUF version ${version}; versions 2 and 3 are supported`)
}

function checkAlignment(value: GgufValue): number {
  if (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= 8 &&
    value <= 65_536 &&
    value % 8 === 0
  )
    return value
  throw new Refusal(`its alignment is ${quoteValue(value)}; a multiple of 8 up to 65,536 was expected`)
}

interface Listed {
  readonly name: string
  readonly type: GgufType
  readonly shape: readonly number[]
  readonly bytes: number
  /** Offset from the start of the data. */
  readonly relative: number
}

function readTensorInfo(cursor: GgufCursor, index: number): Listed {
  const name = cursor.text(`the name of tensor ${index + 1}`, MAX_NAME)
  const rank = cursor.u32()
  if (rank < 1 || rank > 4)
    throw new Refusal(`the tensor ${quote(name)} has ${rank} dimensions; 1 to 4 are possible`)
  const shape: number[] = []
  for (let i = 0; i < rank; i++)
    shape.push(cursor.count(`dimension ${i + 1} of the tensor ${quote(name)}`, 2 ** 40))
  const typeId = cursor.u32()
  const type = findGgufType(typeId)
  if (type === undefined) throw new Refusal(`the tensor ${quote(name)} has the unknown type ${typeId}`)
  const relative = cursor.count(`the offset of the tensor ${quote(name)}`, Number.MAX_SAFE_INTEGER)
  const columns = shape[0] ?? 0
  const elements = shape.reduce((product, size) => product * size, 1)
  if (elements === 0)
    throw new Refusal(`the tensor ${quote(name)} is empty (its shape is ${shape.join(' × ')})`)
  if (columns % type.elements !== 0)
    throw new Refusal(
      `the tensor ${quote(name)} has rows of ${columns}, which do not fit the blocks of ${type.elements} of ${type.name}`,
    )
  return { name, type, shape, bytes: (elements / type.elements) * type.bytes, relative }
}

function locateTensor(
  { name, type, shape, bytes, relative }: Listed,
  dataStart: number,
  alignment: number,
  fileBytes: number,
): GgufTensor {
  if (relative % alignment !== 0)
    throw new Refusal(
      `the tensor ${quote(name)} has the offset ${relative}, which is not a multiple of ${alignment}`,
    )
  const offset = dataStart + relative
  if (!(offset + bytes <= fileBytes)) {
    throw new Refusal(
      `it ends too early: the tensor ${quote(name)} reaches to byte ${(offset + bytes).toLocaleString('en')} and the file has ${fileBytes.toLocaleString('en')}. It was probably truncated when it was downloaded or copied`,
    )
  }
  return { name, type, shape, offset, bytes }
}

function checkOverlap(tensors: ReadonlyMap<string, GgufTensor>): void {
  const ordered = [...tensors.values()].toSorted((a, b) => a.offset - b.offset)
  for (let i = 1; i < ordered.length; i++) {
    const before = ordered[i - 1] as GgufTensor
    const after = ordered[i] as GgufTensor
    if (before.offset + before.bytes > after.offset)
      throw new Refusal(`the tensors ${quote(before.name)} and ${quote(after.name)} overlap`)
  }
}

/** Tensors follow each other without gaps but for the padding to the alignment, as llama.cpp demands. */
function checkPadding(tensors: ReadonlyMap<string, GgufTensor>, dataStart: number, alignment: number): void {
  let end = dataStart
  for (const tensor of [...tensors.values()].toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.offset !== end)
      throw new Refusal(
        `the tensor ${quote(tensor.name)} begins at byte ${tensor.offset.toLocaleString('en')} instead of ${end.toLocaleString('en')}, where the one before it ends`,
      )
    end = Math.ceil((tensor.offset + tensor.bytes) / alignment) * alignment
  }
}
