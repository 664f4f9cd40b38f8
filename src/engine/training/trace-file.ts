// Knows: the form of a trace file: a teacher's distributions along the completions of a dataset, and the tokenizer that student and
// teacher share. Rows are appended as they are traced, so a file that was cut off goes on behind its last whole row.
// Must not know: where it is kept, which dataset it belongs to.
import type { TeacherRow } from './packing.ts'

export interface TraceHeader {
  /** k: tokens listed for each distribution. */
  readonly choices: number
  readonly temperature: number
  /** `tokenizer.json` and `tokenizer_config.json` as texts. */
  readonly tokenizer: { readonly json: string; readonly config: string }
  /** Names of what the listed numbers stand for, where they are no tokens but a few classes. */
  readonly labels?: readonly string[]
  /** Rows that the whole file has. */
  readonly rows: number
  /** Directions of hidden states are stored with each distribution, so wide. */
  readonly hidden?: { readonly width: number }
  /** Whose distributions they are; files of before do not say. */
  readonly teacher?: { readonly name: string; readonly fingerprint: string }
}

export interface TraceFile {
  readonly header: TraceHeader
  /** The whole rows that are there, in order; fewer than `header.rows` where the file was cut. A row that was refused has no distribution. */
  readonly rows: readonly TeacherRow[]
  /** Bytes up to the end of the last whole row. */
  readonly wholeBytes: number
}
export type TraceRead =
  | { readonly ok: true; readonly file: TraceFile }
  | { readonly ok: false; readonly sentence: string }

// Layout, little-endian: magic (8 bytes), version u32, length of the JSON header u32, header (UTF-8, padded with spaces to a multiple
// of 4); then for each row the number of distributions n u32, ids u16 [n, k] padded to a multiple of 4 bytes, probabilities f32 [n, k + 1];
// and, where the header says so, hidden states f16 [n, width] padded likewise.
const MAGIC = new TextEncoder().encode('RETORTTR')
const VERSION = 1
const FIXED = MAGIC.length + 8
const LARGEST_HEADER = 64 * 2 ** 20
const LARGEST_COUNT = 1e8

export function writeTraceHeader(header: TraceHeader): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = Math.ceil(json.length / 4) * 4
  const bytes = new Uint8Array(FIXED + headerBytes).fill(0x20)
  bytes.set(MAGIC)
  const view = new DataView(bytes.buffer)
  view.setUint32(8, VERSION, true)
  view.setUint32(12, headerBytes, true)
  bytes.set(json, FIXED)
  return bytes
}

/** Bytes of so many numbers of 16 bits. */
const idBytesOf = (count: number): number => Math.ceil((2 * count) / 4) * 4

/** A row's bytes; its hidden states are written where it has some, which must be as the header says. */
export function writeTraceRow({ choices, ids, probabilities, hidden }: TeacherRow): Uint8Array<ArrayBuffer> {
  const count = ids.length / choices
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

const refuse = (why: string): TraceRead => ({
  ok: false,
  sentence: `The teacher’s stored answers cannot be used: ${why}. Load the teacher and train a new student.`,
})

/** Reads a file back, as far as it is whole. Never throws; a file whose header or rows are not what they should be is refused with a sentence. */
export function readTraceFile(bytes: Uint8Array): TraceRead {
  if (bytes.length < FIXED)
    return refuse(bytes.length ? `the file ends after ${bytes.length} bytes` : 'the file is empty')
  if (!MAGIC.every((byte, i) => byte === bytes[i])) return refuse('the file is no trace')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    return refuse(`the file has version ${version}, and this program reads version ${VERSION}`)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes > LARGEST_HEADER || FIXED + headerBytes > bytes.length)
    return refuse('the file is cut off in its header')
  const header = parseHeader(bytes.subarray(FIXED, FIXED + headerBytes))
  if (!header) return refuse('its header is broken')
  const { choices, hidden: { width } = { width: 0 } } = header
  const rows: TeacherRow[] = []
  let at = FIXED + headerBytes
  while (rows.length < header.rows && at + 4 <= bytes.length) {
    const count = view.getUint32(at, true)
    if (count > LARGEST_COUNT) return refuse(`row ${rows.length + 1} says that it has ${count} distributions`)
    const idBytes = idBytesOf(count * choices)
    const hiddenAt = at + 4 + idBytes + 4 * count * (choices + 1)
    const end = hiddenAt + idBytesOf(count * width)
    if (end > bytes.length) break
    // Copies: the rows outlive the file's bytes, and their places need not be aligned there.
    const ids = new Uint16Array(bytes.slice(at + 4, at + 4 + 2 * count * choices).buffer)
    const probabilities = new Float32Array(bytes.slice(at + 4 + idBytes, hiddenAt).buffer)
    if (!probabilities.every((probability) => probability >= 0 && probability <= 1.001))
      return refuse(`row ${rows.length + 1} holds what are no probabilities`)
    const directions = new Uint16Array(bytes.slice(hiddenAt, hiddenAt + 2 * count * width).buffer)
    if (directions.some((half) => (half & 0x7c00) === 0x7c00))
      return refuse(`row ${rows.length + 1} holds hidden states that are no numbers`)
    rows.push({ choices, ids, probabilities, ...(width > 0 ? { hidden: { width, directions } } : {}) })
    at = end
  }
  return { ok: true, file: { header, rows, wholeBytes: at } }
}

/** Bytes that a file's beginning must have for its length to be told. */
export const TRACE_START = FIXED

/** Bytes up to the first row, told by the first `TRACE_START` bytes; undefined where the file is no trace of this version. */
export function findHeaderEnd(start: Uint8Array): number | undefined {
  if (start.length < FIXED || !MAGIC.every((byte, i) => byte === start[i])) return undefined
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const headerBytes = view.getUint32(12, true)
  return view.getUint32(8, true) === VERSION && headerBytes <= LARGEST_HEADER
    ? FIXED + headerBytes
    : undefined
}

/** The header alone, from the bytes up to the first row; undefined where it is broken. */
export const readTraceHeader = (beginning: Uint8Array): TraceHeader | undefined =>
  parseHeader(beginning.subarray(FIXED))

function parseHeader(bytes: Uint8Array): TraceHeader | undefined {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof raw !== 'object' || raw === null) return undefined
  const {
    choices,
    temperature,
    tokenizer,
    rows,
    labels,
    hidden: rawHidden,
    teacher: rawTeacher,
  }: Record<string, unknown> = Object.fromEntries(Object.entries(raw))
  if (typeof choices !== 'number' || !Number.isInteger(choices) || choices < 1 || choices > 1024)
    return undefined
  if (
    typeof temperature !== 'number' ||
    !(temperature > 0) ||
    typeof rows !== 'number' ||
    !Number.isInteger(rows) ||
    rows < 0 ||
    rows > LARGEST_COUNT
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
    !(
      Array.isArray(labels) &&
      labels.length === choices &&
      labels.every((label) => typeof label === 'string')
    )
  )
    return undefined
  const teacher = parseTeacher(rawTeacher)
  const hidden = parseHidden(rawHidden)
  if (rawHidden !== undefined && !hidden) return undefined
  return typeof json === 'string' && typeof config === 'string'
    ? {
        choices,
        temperature,
        tokenizer: { json, config },
        rows,
        ...(labels ? { labels } : {}),
        ...(hidden ? { hidden } : {}),
        ...(teacher ? { teacher } : {}),
      }
    : undefined
}

function parseHidden(raw: unknown): TraceHeader['hidden'] {
  if (typeof raw !== 'object' || raw === null || !('width' in raw)) return undefined
  const { width } = raw
  return typeof width === 'number' && Number.isInteger(width) && width >= 1 && width <= 65_536
    ? { width }
    : undefined
}

/** A name is of use, and no reason to refuse a file that has none. */
function parseTeacher(raw: unknown): TraceHeader['teacher'] {
  if (typeof raw !== 'object' || raw === null || !('name' in raw) || !('fingerprint' in raw)) return undefined
  const { name, fingerprint } = raw
  return typeof name === 'string' && typeof fingerprint === 'string' ? { name, fingerprint } : undefined
}
