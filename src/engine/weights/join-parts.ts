// Knows: how the parts of a split GGUF file (name-00001-of-00003.gguf …) are one model: the first has the metadata, each has its tensors.
// Must not know: how the parts were found.
// Keys: those of llama.cpp's gguf-split: `split.no` from 0, `split.count`, `split.tensors.count` of all parts.
import { readHeaderOf, type GgufHeader, type GgufTensor } from './gguf-header.ts'
import { joinSources } from './join-sources.ts'
import { readNumber } from './metadata.ts'
import { quote } from './quote.ts'
import type { ByteSource } from './source.ts'

/** More than any split has: parts of 50 MB of a model of 200 GB are 4,000. */
const MOST_PARTS = 4096

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
 * One header and one source of a model's parts, in any order; of a model in one file, that file's. The header's tensors lie in the
 * joined source, and its metadata no longer speak of parts. Rejects only when a source cannot be read.
 */
export async function joinParts(sources: readonly ByteSource[]): Promise<JoinedParts> {
  if (sources.length === 0) return refuse('there is no file')
  if (sources.length > MOST_PARTS) return refuse(`it has ${sources.length} files, and at most ${MOST_PARTS} are read`)
  const parts: Part[] = []
  for (const source of sources) {
    const result = await readHeaderOf(source)
    if (result.kind === 'refused') return { ok: false, sentence: `${quote(source.name)}: ${result.sentence}` }
    const { metadata } = result.header
    parts.push({ source, header: result.header, index: readNumber(metadata, 'split.no') ?? 0, count: readNumber(metadata, 'split.count') ?? 1 })
  }
  const ordered = parts.toSorted((a, b) => a.index - b.index)
  const why = faultOfParts(ordered)
  if (why !== undefined) return refuse(why)
  const [first] = ordered
  if (first === undefined) return refuse('there is no file')
  if (ordered.length === 1) return { ok: true, header: first.header, source: first.source }
  const { source, starts } = joinSources(first.source.name, ordered.map((part) => part.source))
  const tensors = new Map<string, GgufTensor>()
  for (const [i, { header, source: { name: file } }] of ordered.entries()) {
    for (const [name, tensor] of header.tensors) {
      if (tensors.has(name)) return refuse(`the tensor ${quote(name)} is in ${quote(file)} and in another part too`)
      tensors.set(name, { ...tensor, offset: (starts[i] ?? 0) + tensor.offset })
    }
  }
  const promised = readNumber(first.header.metadata, 'split.tensors.count')
  if (promised !== undefined && promised !== tensors.size) return refuse(`it says that it has ${promised} tensors, and its parts hold ${tensors.size}`)
  const metadata = new Map([...first.header.metadata].filter(([key]) => !key.startsWith('split.')))
  return { ok: true, header: { ...first.header, metadata, tensors }, source }
}

/** What does not fit together among parts in the order of their numbers. */
function faultOfParts(parts: readonly Part[]): string | undefined {
  const count = parts[0]?.count ?? 1
  const stranger = parts.find((part) => part.count !== count)
  if (stranger !== undefined) return `${quote(stranger.source.name)} is a part of ${stranger.count}, and ${quote(parts[0]?.source.name ?? '')} of ${count}: they do not belong together`
  for (const [i, { index, source }] of parts.entries()) {
    if (!Number.isInteger(index) || index < 0 || index >= count) return `${quote(source.name)} says that it is part ${index + 1} of ${count}`
    if (index === parts[i - 1]?.index) return count === 1 ? `${quote(source.name)} is a whole model and no part of another; choose one file of these ${parts.length}` : `part ${index + 1} of ${count} is there twice (${quote(source.name)})`
    if (index !== i) return tellMissing(i, index, count)
  }
  return parts.length < count ? tellMissing(parts.length, count, count) : undefined
}

/** Parts `from` … `to − 1` are missing. */
const tellMissing = (from: number, to: number, count: number): string => (to - from === 1 ? `part ${from + 1} of ${count} is missing` : `parts ${from + 1} to ${to} of ${count} are missing`)

const refuse = (why: string): JoinedParts => ({ ok: false, sentence: `This model cannot be used: ${why}. Choose all files of one model together.` })
