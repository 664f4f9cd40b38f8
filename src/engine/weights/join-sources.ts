// Knows: the concatenation of several sources.
// Must not know: what the bytes mean.
import type { ByteSource } from './source.ts'

export interface JoinedSource {
  readonly source: ByteSource
  /** Offset of each source in the joined one. */
  readonly starts: readonly number[]
}

/** One source of all bytes, in this order. A read across a boundary is joined from both sides. */
export function joinSources(name: string, sources: readonly ByteSource[]): JoinedSource {
  const starts: number[] = []
  let size = 0
  for (const source of sources) {
    starts.push(size)
    size += source.size
  }
  const read = async (from: number, to: number): Promise<Uint8Array> => {
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to && to <= size))
      throw new RangeError(`"${name}" has ${size} bytes; ${from} to ${to} was requested.`)
    const touched = sources.flatMap((source, i) => {
      const start = starts[i] ?? 0
      const [begin, end] = [Math.max(from, start), Math.min(to, start + source.size)]
      return begin < end ? [{ source, start, begin, end }] : []
    })
    const [only] = touched
    if (touched.length === 1 && only) return only.source.read(only.begin - only.start, only.end - only.start)
    const bytes = new Uint8Array(to - from)
    for (const { source, start, begin, end } of touched)
      bytes.set(await source.read(begin - start, end - start), begin - from)
    return bytes
  }
  return { source: { name, size, read }, starts }
}

/** The bytes of a source from `from` on. */
export const sourceFrom = ({ name, size, read }: ByteSource, from: number): ByteSource => ({
  name,
  size: size - from,
  read: (start, end) => read(from + start, from + end),
})
