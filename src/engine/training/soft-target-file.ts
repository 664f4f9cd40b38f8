// Knows: the format of a soft-target file: a teacher's distributions for the completions of a dataset, and the
// tokenizer that student and teacher share. Rows are appended as they are computed, so a truncated file is resumed
// after its last complete row.
// Must not know: where it is stored, which dataset it belongs to.
import type { TeacherRow } from './packing.ts'

export interface SoftTargetHeader {
  /** k: tokens listed for each distribution. `choices` in the file. */
  readonly topK: number
  readonly temperature: number
  /** `tokenizer.json` and `tokenizer_config.json` as texts. */
  readonly tokenizer: { readonly json: string; readonly config: string }
  /** Class names, if the listed ids are classes and not tokens. */
  readonly labels?: readonly string[]
  /** Rows of the complete file. */
  readonly rows: number
  /** Each distribution has the direction of a hidden state of this width. */
  readonly hidden?: { readonly width: number }
  /** The teacher whose distributions they are; missing in older files. */
  readonly teacher?: { readonly name: string; readonly fingerprint: string }
  /** The chat format that it was loaded with; absent: its own template. */
  readonly chatFormat?: string
}

export interface SoftTargetFile {
  readonly header: SoftTargetHeader
  /**
   * The complete rows, in order; fewer than `header.rows` if the file is truncated. A row that the teacher refused has
   * no distribution.
   */
  readonly rows: readonly TeacherRow[]
  /** Bytes up to the end of the last complete row. */
  readonly wholeBytes: number
}
export type SoftTargetRead =
  | { readonly ok: true; readonly file: SoftTargetFile }
  | { readonly ok: false; readonly sentence: string }

// Layout, little-endian: magic (8 bytes), version u32, length of the JSON header u32, header (UTF-8, padded with spaces
// to a multiple of 4); then for each row the number of distributions n u32, ids u16 [n, k] padded to a multiple of 4
// bytes, probabilities f32 [n, k + 1]; and, if the header says so, hidden states f16 [n, width] with the same padding.
// The header's key for k is `choices`.
const MAGIC = new TextEncoder().encode('RETORTTR')
const VERSION = 1
const FIXED = MAGIC.length + 8
const MAX_HEADER_BYTES = 64 * 2 ** 20
const MAX_COUNT = 1e8

export function writeSoftTargetHeader({ topK, ...header }: SoftTargetHeader): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify({ choices: topK, ...header }))
  const headerBytes = Math.ceil(json.length / 4) * 4
  const bytes = new Uint8Array(FIXED + headerBytes).fill(0x20)
  bytes.set(MAGIC)
  const view = new DataView(bytes.buffer)
  view.setUint32(8, VERSION, true)
  view.setUint32(12, headerBytes, true)
  bytes.set(json, FIXED)
  return bytes
}

/** Bytes of `count` 16-bit numbers, padded. */
const idBytesOf = (count: number): number => Math.ceil((2 * count) / 4) * 4

/** The bytes of a row, with its hidden states if it has some; they must match the header. */
export function writeSoftTargetRow({
  topK,
  ids,
  probabilities,
  hidden,
}: TeacherRow): Uint8Array<ArrayBuffer> {
  const count = ids.length / topK
  const idBytes = idBytesOf(ids.length)
  const bytes = new Uint8Array(
    4 + idBytes + 4 * probabilities.length + idBytesOf(hidden?.directions.length ?? 0),
  )
  new DataView(bytes.buffer).setUint32(0, count, true)
  new Uint16Array(bytes.buffer, 4, ids.length).set(ids)
  new Float32Array(bytes.buffer, 4 + idBytes, probabilities.length).set(probabilities)
  if (hidden)
    new Uint16Array(bytes.buffer, 4 + idBytes + 4 * probabilities.length, hidden.directions.length).set(
      hidden.directions,
    )
  return bytes
}

const refuse = (reason: string): SoftTargetRead => ({
  ok: false,
  sentence: `The teacher’s stored soft targets cannot be used: ${reason}. Load the teacher and train a new student.`,
})

/**
 * Reads the complete rows of a file. Never throws; a file with an invalid header or invalid rows is refused with a
 * sentence.
 */
export function readSoftTargetFile(bytes: Uint8Array): SoftTargetRead {
  if (bytes.length < FIXED)
    return refuse(bytes.length ? `the file ends after ${bytes.length} bytes` : 'the file is empty')
  if (!MAGIC.every((byte, i) => byte === bytes[i])) return refuse('it is not a soft-target file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    return refuse(`the file has version ${version}, and this program reads version ${VERSION}`)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes > MAX_HEADER_BYTES || FIXED + headerBytes > bytes.length)
    return refuse('the file ends in its header')
  const header = parseHeader(bytes.subarray(FIXED, FIXED + headerBytes))
  if (!header) return refuse('its header is broken')
  const { topK, hidden: { width } = { width: 0 } } = header
  const rows: TeacherRow[] = []
  let at = FIXED + headerBytes
  while (rows.length < header.rows && at + 4 <= bytes.length) {
    const count = view.getUint32(at, true)
    if (count > MAX_COUNT) return refuse(`row ${rows.length + 1} claims to have ${count} distributions`)
    const idBytes = idBytesOf(count * topK)
    const hiddenAt = at + 4 + idBytes + 4 * count * (topK + 1)
    const end = hiddenAt + idBytesOf(count * width)
    if (end > bytes.length) break
    // Copies: the rows outlive the file's bytes, where they may not be aligned.
    const ids = new Uint16Array(bytes.slice(at + 4, at + 4 + 2 * count * topK).buffer)
    const probabilities = new Float32Array(bytes.slice(at + 4 + idBytes, hiddenAt).buffer)
    if (!probabilities.every((probability) => probability >= 0 && probability <= 1.001))
      return refuse(`row ${rows.length + 1} contains numbers that are not probabilities`)
    const directions = new Uint16Array(bytes.slice(hiddenAt, hiddenAt + 2 * count * width).buffer)
    if (directions.some((half) => (half & 0x7c00) === 0x7c00))
      return refuse(`row ${rows.length + 1} contains hidden states that are not finite numbers`)
    rows.push({ topK, ids, probabilities, ...(width > 0 ? { hidden: { width, directions } } : {}) })
    at = end
  }
  return { ok: true, file: { header, rows, wholeBytes: at } }
}

/** Bytes at the start of a file from which `findHeaderEnd` computes the length of its header. */
export const SOFT_TARGET_PREAMBLE = FIXED

/**
 * Bytes up to the first row, from the first `SOFT_TARGET_PREAMBLE` bytes; undefined if it is not a soft-target file of
 * this version.
 */
export function findHeaderEnd(start: Uint8Array): number | undefined {
  if (start.length < FIXED || !MAGIC.every((byte, i) => byte === start[i])) return undefined
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const headerBytes = view.getUint32(12, true)
  return view.getUint32(8, true) === VERSION && headerBytes <= MAX_HEADER_BYTES
    ? FIXED + headerBytes
    : undefined
}

/** The header alone, from the bytes up to the first row; undefined if it is broken. */
export const readSoftTargetHeader = (start: Uint8Array): SoftTargetHeader | undefined =>
  parseHeader(start.subarray(FIXED))

function parseHeader(bytes: Uint8Array): SoftTargetHeader | undefined {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof raw !== 'object' || raw === null) return undefined
  const {
    choices: topK,
    temperature,
    tokenizer,
    rows,
    labels,
    hidden: rawHidden,
    teacher: rawTeacher,
    chatFormat,
  }: Record<string, unknown> = Object.fromEntries(Object.entries(raw))
  if (typeof topK !== 'number' || !Number.isInteger(topK) || topK < 1 || topK > 1024) return undefined
  if (
    typeof temperature !== 'number' ||
    !(temperature > 0) ||
    typeof rows !== 'number' ||
    !Number.isInteger(rows) ||
    rows < 0 ||
    rows > MAX_COUNT
  )
    return undefined
  if (
    typeof tokenizer !== 'object' ||
    tokenizer === null ||
    !('json' in tokenizer) ||
    !('config' in tokenizer)
  )
    return undefined
  const { json, config } = tokenizer
  if (
    labels !== undefined &&
    !(Array.isArray(labels) && labels.length === topK && labels.every((label) => typeof label === 'string'))
  )
    return undefined
  const teacher = parseTeacher(rawTeacher)
  const hidden = parseHidden(rawHidden)
  if (rawHidden !== undefined && !hidden) return undefined
  if (chatFormat !== undefined && typeof chatFormat !== 'string') return undefined
  return typeof json === 'string' && typeof config === 'string'
    ? {
        topK,
        temperature,
        tokenizer: { json, config },
        rows,
        ...(labels ? { labels } : {}),
        ...(hidden ? { hidden } : {}),
        ...(teacher ? { teacher } : {}),
        ...(chatFormat === undefined ? {} : { chatFormat }),
      }
    : undefined
}

function parseHidden(raw: unknown): SoftTargetHeader['hidden'] {
  if (typeof raw !== 'object' || raw === null || !('width' in raw)) return undefined
  const { width } = raw
  return typeof width === 'number' && Number.isInteger(width) && width >= 1 && width <= 65_536
    ? { width }
    : undefined
}

/** Optional: a file without a teacher name is not refused. */
function parseTeacher(raw: unknown): SoftTargetHeader['teacher'] {
  if (typeof raw !== 'object' || raw === null || !('name' in raw) || !('fingerprint' in raw)) return undefined
  const { name, fingerprint } = raw
  return typeof name === 'string' && typeof fingerprint === 'string' ? { name, fingerprint } : undefined
}
