// Knows: how a zip file's directory and entries are read, in chunks and within limits, whatever program made the file.
// Must not know: what the entries mean. (The library's own reader needs the whole file in memory and trusts declared sizes.)
import { Inflate } from 'fflate'
import { BadFile } from './bad-file.ts'
import { addToCrc32 } from './crc32.ts'

export interface ZipEntry {
  readonly name: string
  readonly method: 'stored' | 'deflated'
  /** Bytes in the file, and unpacked as the directory declares them. */
  readonly packed: number
  readonly bytes: number
  readonly crc: number
  /** Offset of the entry's own header. */
  readonly at: number
}

/** Max entries and bytes of a directory. */
const ENTRY_LIMIT = 20_000
const DIRECTORY_LIMIT = 8 * 1024 * 1024
/** Packed bytes that are unpacked at a time: deflate makes up to 1,032 bytes of one. */
const CHUNK = 32 * 1024

const END = 0x06054b50
const IN_DIRECTORY = 0x02014b50
const BEFORE_DATA = 0x04034b50

const readPart = async (file: Blob, from: number, to: number): Promise<Uint8Array> => {
  try {
    return new Uint8Array(await file.slice(from, to).arrayBuffer())
  } catch {
    throw new BadFile('the file could not be read: it was moved or changed, or access to it ended')
  }
}
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** All entries by name. Throws `BadFile` with the reason if the file is not a zip file, is truncated, or exceeds a limit. */
export async function readZipDirectory(file: Blob): Promise<ReadonlyMap<string, ZipEntry>> {
  const { count, at, bytes } = await findDirectory(file)
  const directory = await readPart(file, at, at + bytes)
  const view = viewOf(directory)
  const entries = new Map<string, ZipEntry>()
  let offset = 0
  for (let i = 0; i < count; i++) {
    if (offset + 46 > directory.length || view.getUint32(offset, true) !== IN_DIRECTORY)
      throw new BadFile('its list of entries is damaged')
    const next =
      offset +
      46 +
      view.getUint16(offset + 28, true) +
      view.getUint16(offset + 30, true) +
      view.getUint16(offset + 32, true)
    const name = readName(directory.subarray(offset + 46, offset + 46 + view.getUint16(offset + 28, true)))
    if (next > directory.length || name === undefined) throw new BadFile('its list of entries is damaged')
    if (name.split(/[/\\]/).some((part) => part === '.' || part === '..'))
      throw new BadFile(`the path of ${shorten(name)} leads out of the project`)
    if (entries.has(name)) throw new BadFile(`it contains ${shorten(name)} twice`)
    entries.set(name, readEntry(view, offset, name))
    offset = next
  }
  return entries
}

function readEntry(view: DataView, offset: number, name: string): ZipEntry {
  const method = view.getUint16(offset + 10, true)
  if ((view.getUint16(offset + 8, true) & 1) !== 0) throw new BadFile(`${shorten(name)} is encrypted`)
  if (method !== 0 && method !== 8)
    throw new BadFile(`${shorten(name)} uses an unsupported compression method`)
  const [packed, bytes, at] = [
    view.getUint32(offset + 20, true),
    view.getUint32(offset + 24, true),
    view.getUint32(offset + 42, true),
  ]
  if ([packed, bytes, at].includes(0xffffffff)) throw new BadFile('it is larger than 4 GB')
  return {
    name,
    method: method === 0 ? 'stored' : 'deflated',
    packed,
    bytes,
    crc: view.getUint32(offset + 16, true),
    at,
  }
}

/** The directory's position, from the record at the end of every zip file (a comment of up to 65,535 bytes may follow). */
async function findDirectory(file: Blob): Promise<{ count: number; at: number; bytes: number }> {
  const from = Math.max(0, file.size - 22 - 65_535)
  const tail = await readPart(file, from, file.size)
  const view = viewOf(tail)
  for (let i = tail.length - 22; i >= 0; i--) {
    if (view.getUint32(i, true) !== END || i + 22 + view.getUint16(i + 20, true) !== tail.length) continue
    const [count, bytes, at] = [
      view.getUint16(i + 10, true),
      view.getUint32(i + 12, true),
      view.getUint32(i + 16, true),
    ]
    if (
      count === 0xffff ||
      bytes === 0xffffffff ||
      at === 0xffffffff ||
      count > ENTRY_LIMIT ||
      bytes > DIRECTORY_LIMIT
    )
      throw new BadFile('it has more entries than a project can contain')
    if (at + bytes > from + i) throw new BadFile('its list of entries is damaged')
    return { count, at, bytes }
  }
  throw new BadFile('it is not a zip file, or it is truncated')
}

/** An entry's contents in chunks. Throws `BadFile` if their length or checksum differs from the directory's. */
export async function* readZipEntry(file: Blob, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const header = await readPart(file, entry.at, entry.at + 30)
  const view = viewOf(header)
  if (header.length < 30 || view.getUint32(0, true) !== BEFORE_DATA)
    throw new BadFile(`${shorten(entry.name)} is not where it should be`)
  const from = entry.at + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  const to = from + entry.packed
  if (to > file.size) throw new BadFile(`${shorten(entry.name)} is truncated`)

  const damaged = `${shorten(entry.name)} is damaged`
  let chunks: Uint8Array[] = []
  let bytes = 0
  let crc = 0
  const take = (chunk: Uint8Array): void => {
    bytes += chunk.length
    if (bytes > entry.bytes) throw new BadFile(`${shorten(entry.name)} unpacks to more than it declares`)
    crc = addToCrc32(crc, chunk)
    if (chunk.length > 0) chunks.push(chunk)
  }
  const inflate = entry.method === 'deflated' ? new Inflate(take) : undefined
  for (let at = from; at < to || at === from; at += CHUNK) {
    const part = await readPart(file, at, Math.min(at + CHUNK, to))
    const isLast = at + CHUNK >= to
    try {
      if (inflate) inflate.push(part, isLast)
      else take(part)
    } catch (thrown) {
      throw thrown instanceof BadFile ? thrown : new BadFile(damaged)
    }
    yield* chunks
    chunks = []
  }
  if (bytes !== entry.bytes || crc !== entry.crc) throw new BadFile(damaged)
}

function readName(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** A name from the file, made safe for a sentence. */
export const shorten = (name: string): string => `“${name.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 80)}”`
