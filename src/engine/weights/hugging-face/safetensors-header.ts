// Knows: the header of a safetensors file: the position of each tensor, and whether the file is consistent with it.
// Must not know: what the tensors mean (hugging-face.ts), how a tensor's bytes are read (quants/).
// Format: the safetensors repository's README.
import type { GgufTensor } from '../gguf/gguf-header.ts'
import { quote, quoteValue } from '../quote.ts'
import { findRepeatedKey } from './repeated-key.ts'
import type { ByteSource } from '../source.ts'

export type SafetensorsResult =
  | { readonly ok: true; readonly tensors: ReadonlyMap<string, GgufTensor> }
  | { readonly ok: false; readonly sentence: string }

/** Headers of models with 70 billion parameters have 100 KB per file. */
const MAX_HEADER = 32 * 1024 * 1024
const MAX_TENSORS = 65_536
/** Bits per element of every type of the format; those of less than a byte are located, and refused only if they are needed. */
const BITS_OF: ReadonlyMap<string, number> = new Map([
  ['C64', 64],
  ['F64', 64],
  ['F32', 32],
  ['F16', 16],
  ['BF16', 16],
  ['F8_E4M3', 8],
  ['F8_E5M2', 8],
  ['F8_E8M0', 8],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['F4', 4],
  ['I64', 64],
  ['I32', 32],
  ['I16', 16],
  ['I8', 8],
  ['U64', 64],
  ['U32', 32],
  ['U16', 16],
  ['U8', 8],
  ['BOOL', 8],
])

/**
 * The tensors of a file, in the form of GGUF tensors: the type has the name in the file (F32, F16 and BF16 are
 * supported), the shape is reversed (the contiguous dimension first), the offset counts from the start of the file.
 * Rejects only if the source cannot be read.
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsResult> {
  const refuse = (reason: string): SafetensorsResult => ({
    ok: false,
    sentence: `${quote(source.name)} cannot be used as a model: ${reason}. Choose another file or download this one again.`,
  })
  if (source.size < 8) return refuse(`it has only ${source.size} bytes`)
  const first = await source.read(0, 8)
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER))
    return refuse(`it is not a safetensors file, or its header is larger than ${MAX_HEADER / 2 ** 20} MB`)
  const dataStart = 8 + Number(length)
  if (dataStart > source.size)
    return refuse(
      `its header reaches to byte ${dataStart.toLocaleString('en')} and it has ${source.size.toLocaleString('en')}. It was probably truncated when it was downloaded or copied`,
    )
  let header: unknown
  let repeated: string | undefined
  try {
    const json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      await source.read(8, dataStart),
    )
    header = JSON.parse(json)
    repeated = findRepeatedKey(json)
    if (!json.startsWith('{')) return refuse('its header does not begin with “{”, as the format demands')
  } catch {
    return refuse('it is not a safetensors file (its header is not JSON)')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    return refuse('its header is not a list of tensors')
  if (repeated !== undefined) return refuse(`its header has ${quote(repeated)} twice`)
  const [, metadata = {}]: readonly unknown[] =
    Object.entries(header).find(([name]) => name === '__metadata__') ?? []
  const isText = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  if (!isText || Object.values(metadata).some((value) => typeof value !== 'string'))
    return refuse('its metadata are not texts under names')
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  if (entries.length > MAX_TENSORS)
    return refuse(
      `it claims to have ${entries.length.toLocaleString('en')} tensors; the limit is ${MAX_TENSORS.toLocaleString('en')}`,
    )
  const tensors = new Map<string, GgufTensor>()
  for (const [name, entry] of entries) {
    const tensor = locateTensor(name, entry, dataStart)
    if (typeof tensor === 'string') return refuse(`the tensor ${quote(name)} ${tensor}`)
    if (tensor.offset + tensor.bytes > source.size)
      return refuse(
        `it ends too early: the tensor ${quote(name)} reaches to byte ${(tensor.offset + tensor.bytes).toLocaleString('en')} and the file has ${source.size.toLocaleString('en')}. It was probably truncated when it was downloaded or copied`,
      )
    tensors.set(name, tensor)
  }
  const problem = findGap([...tensors.values()], dataStart, source.size)
  return problem === undefined ? { ok: true, tensors } : refuse(problem)
}

/** The format demands that the tensors fill the data without gaps and without overlaps, so that nothing can be hidden in a file. */
function findGap(tensors: readonly GgufTensor[], dataStart: number, fileBytes: number): string | undefined {
  let end = dataStart
  let last: GgufTensor | undefined
  for (const tensor of tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (tensor.offset < end) return `the tensors ${quote(last?.name ?? '')} and ${quote(tensor.name)} overlap`
    if (tensor.offset > end)
      return `${(tensor.offset - end).toLocaleString('en')} bytes before the tensor ${quote(tensor.name)} belong to no tensor`
    end = tensor.offset + tensor.bytes
    last = tensor
  }
  return end === fileBytes
    ? undefined
    : `its last ${(fileBytes - end).toLocaleString('en')} bytes belong to no tensor`
}

/** A tensor of the header, or the end of a sentence on what is wrong with it. */
function locateTensor(name: string, entry: unknown, dataStart: number): GgufTensor | string {
  if (
    typeof entry !== 'object' ||
    entry === null ||
    !('dtype' in entry && 'shape' in entry && 'data_offsets' in entry)
  )
    return 'has no type, shape or offsets'
  const { dtype, shape, data_offsets: offsets } = entry
  const bits = typeof dtype === 'string' ? BITS_OF.get(dtype) : undefined
  if (typeof dtype !== 'string' || bits === undefined) return `has the unknown type ${quoteValue(dtype)}`
  if (!isSizes(shape) || shape.length > 8) return 'has no list of sizes as its shape'
  if (!isSizes(offsets) || offsets.length !== 2) return 'has no offsets'
  const [from = 0, to = 0] = offsets
  // A product that is too large to be exact is larger than any file.
  const bytes = shape.reduce((product, size) => product * size, bits) / 8
  if (to - from !== bytes)
    return `has ${(to - from).toLocaleString('en')} bytes, and its shape ${shape.join(' × ') || 'of one number'} of ${dtype} needs ${bytes.toLocaleString('en')}`
  return {
    name,
    type: { name: dtype, elements: 1, bytes: bits / 8 },
    shape: shape.length === 0 ? [1] : shape.toReversed(),
    offset: dataStart + from,
    bytes,
  }
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size: unknown) => Number.isSafeInteger(size) && (size as number) >= 0)

/** The files that a `model.safetensors.index.json` names, in their order there, each once; or a sentence. */
export function listShards(
  index: unknown,
):
  | { readonly ok: true; readonly files: readonly string[] }
  | { readonly ok: false; readonly sentence: string } {
  const refuse = (reason: string) =>
    ({
      ok: false,
      sentence: `The model's index (model.safetensors.index.json) cannot be used: ${reason}. Download it again.`,
    }) as const
  const map: unknown =
    typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined
  if (typeof map !== 'object' || map === null) return refuse('it has no "weight_map"')
  const files = new Set<string>()
  for (const file of Object.values(map) as unknown[]) {
    // A plain name: the index may name only files in its own folder.
    if (typeof file !== 'string' || !/^[\w][\w.-]{0,200}\.safetensors$/.test(file))
      return refuse(`it names a file ${quoteValue(file)}`)
    files.add(file)
    if (files.size > 1024) return refuse('it names more than 1,024 files')
  }
  return files.size === 0 ? refuse('it names no file') : { ok: true, files: [...files] }
}
