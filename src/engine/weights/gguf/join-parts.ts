// Knows: how the parts of a split GGUF file (name-00001-of-00003.gguf …) are joined: the first has the metadata, each
// has its tensors.
// Must not know: how the parts were found, what the metadata mean.
// Keys of llama.cpp's gguf-split: `split.no` from 0, `split.count`, `split.tensors.count` of all parts.
import { copyMetadata } from './copy-metadata.ts'
import { readHeaderOf, type GgufHeader } from './gguf-header.ts'
import { writeGgufHeader, type ListedTensor, type WrittenValue } from './gguf-write.ts'
import { joinSources, sourceFrom } from '../join-sources.ts'
import { readNumber } from './metadata.ts'
import { quote } from '../quote.ts'
import { sourceFromBytes, type ByteSource } from '../source.ts'

/** More than any split has: a model of 200 GB in parts of 50 MB has 4,000. */
const MAX_PARTS = 4096

export type JoinedParts =
  | { readonly ok: true; readonly header: GgufHeader; readonly source: ByteSource }
  | { readonly ok: false; readonly sentence: string }

interface Part {
  readonly source: ByteSource
  readonly header: GgufHeader
  readonly index: number
  readonly count: number
}

/**
 * Joins the parts of a model, in any order, into one source that reads like the original file; a model in one file is
 * returned unchanged. `header` is the header of that source. Rejects only if a source cannot be read.
 */
export async function joinParts(sources: readonly ByteSource[]): Promise<JoinedParts> {
  if (sources.length === 0) return refuse('there is no file')
  if (sources.length > MAX_PARTS) return refuse(`it has ${sources.length} files; the limit is ${MAX_PARTS}`)
  const parts: Part[] = []
  for (const source of sources) {
    const result = await readHeaderOf(source)
    if (result.kind === 'refused') return { ok: false, sentence: `${quote(source.name)}: ${result.sentence}` }
    const { metadata } = result.header
    parts.push({
      source,
      header: result.header,
      index: readNumber(metadata, 'split.no') ?? 0,
      count: readNumber(metadata, 'split.count') ?? 1,
    })
  }
  const ordered = parts.toSorted((a, b) => a.index - b.index)
  const problem = findPartsProblem(ordered)
  if (problem !== undefined) return refuse(problem)
  const [first] = ordered
  if (first === undefined) return refuse('there is no file')
  if (ordered.length === 1) return { ok: true, header: first.header, source: first.source }
  const countProblem = findTensorCountProblem(ordered)
  if (countProblem !== undefined) return refuse(countProblem)
  const source = await joinOrdered(ordered, first)
  const joined = await readHeaderOf(source)
  return joined.kind === 'refused'
    ? { ok: false, sentence: joined.sentence }
    : { ok: true, header: joined.header, source }
}

/** Every supported alignment is a multiple of this, so parts of any alignment can follow each other. */
const ALIGNMENT = 8

/**
 * A header of all tensors, with the metadata of the first part without the `split.` keys, followed by the data of each
 * part.
 */
async function joinOrdered(parts: readonly Part[], first: Part): Promise<ByteSource> {
  const listed: ListedTensor[] = []
  const pieces: ByteSource[] = []
  let end = 0
  for (const { source, header } of parts) {
    for (const { name, type, shape, offset } of header.tensors.values())
      listed.push({ name, type: type.name, shape, offset: end + offset - header.dataStart })
    const from = Math.min(header.dataStart, source.size)
    const padding = (ALIGNMENT - ((source.size - from) % ALIGNMENT)) % ALIGNMENT
    pieces.push(sourceFrom(source, from), sourceFromBytes('padding', new Uint8Array(padding)))
    end += source.size - from + padding
  }
  const kept = [
    ...copyMetadata(await first.source.read(0, first.header.headerBytes), first.source.size),
  ].filter(([key]) => !key.startsWith('split.') && key !== 'general.alignment')
  const header = writeGgufHeader(
    new Map<string, WrittenValue>([...kept, ['general.alignment', { kind: 'u32', value: ALIGNMENT }]]),
    listed,
    ALIGNMENT,
  )
  return joinSources(first.source.name, [sourceFromBytes('header', header), ...pieces]).source
}

function findTensorCountProblem(parts: readonly Part[]): string | undefined {
  const names = new Set<string>()
  for (const { header, source } of parts) {
    for (const name of header.tensors.keys()) {
      if (names.has(name)) return `the tensor ${quote(name)} is in ${quote(source.name)} and in another part`
      names.add(name)
    }
  }
  const promised = readNumber(parts[0]?.header.metadata ?? new Map(), 'split.tensors.count')
  return promised === undefined || promised === names.size
    ? undefined
    : `it claims to have ${promised} tensors, and its parts have ${names.size}`
}

/** The first inconsistency among parts, which are in the order of their numbers. */
function findPartsProblem(parts: readonly Part[]): string | undefined {
  const count = parts[0]?.count ?? 1
  const other = parts.find((part) => part.count !== count)
  if (other !== undefined)
    return `${quote(other.source.name)} is a part of ${other.count}, and ${quote(parts[0]?.source.name ?? '')} of ${count}: they belong to different models`
  for (const [i, { index, source }] of parts.entries()) {
    if (!Number.isInteger(index) || index < 0 || index >= count)
      return `${quote(source.name)} claims to be part ${index + 1} of ${count}`
    if (index === parts[i - 1]?.index)
      return count === 1
        ? `${quote(source.name)} is a complete model, not a part of another; choose only one of these ${parts.length} files`
        : `part ${index + 1} of ${count} occurs twice (${quote(source.name)})`
    if (index !== i) return describeMissing(i, index, count)
  }
  return parts.length < count ? describeMissing(parts.length, count, count) : undefined
}

/** Parts `from` … `to − 1` are missing. */
const describeMissing = (from: number, to: number, count: number): string =>
  to - from === 1
    ? `part ${from + 1} of ${count} is missing`
    : `parts ${from + 1} to ${to} of ${count} are missing`

const refuse = (reason: string): JoinedParts => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose all files of one model together.`,
})
