// Knows: the format of a source, from its name and its first bytes; and which files are not text.
import { CsvReader, isHeaderLine } from './csv.ts'
import { JsonlReader } from './jsonl.ts'
import { JsonReader } from './json.ts'
import { isMarkdownTable, MarkdownTableReader } from './markdown-table.ts'
import { decideAlone, type Decide, type RowReader } from './row-reader.ts'
import { looksLikeTable } from './table-layout.ts'
import { TextReader } from './text.ts'

export type SeedFormat = 'text' | 'markdown' | 'jsonl' | 'json' | 'csv' | 'tsv'

/** The format by the file's extension, else by its beginning. Text of no other format is plain text. */
export function chooseFormat(name: string, head: string): SeedFormat {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase()
  switch (ending) {
    case 'jsonl':
    case 'ndjson':
      return 'jsonl'
    case 'json':
      return isJsonLines(head) ? 'jsonl' : 'json' // many JSONL files are called .json
    case 'csv':
    case 'psv':
      return 'csv'
    case 'tsv':
    case 'tab':
      return 'tsv'
    case 'txt':
    case 'text':
    case 'md':
      return isJsonLines(head) ? 'jsonl' : isMarkdownTable(head) ? 'markdown' : 'text'
    default:
      return looksLike(head)
  }
}

function looksLike(head: string): SeedFormat {
  const start = head.trimStart()
  if (isJsonLines(start)) return 'jsonl'
  if (isMarkdownTable(start)) return 'markdown'
  if (/^(\[\s*["{[]|\{\s*")/.test(start)) return 'json'
  const lines = start.split(/\r\n|\n|\r/)
  if (/^"?sep=/i.test(start)) return 'csv'
  const first = lines.find((line) => line.trim() !== '' && !line.startsWith('#')) ?? ''
  if (isHeaderLine(first)) return first.includes('\t') ? 'tsv' : 'csv'
  return looksLikeTable(head) ? (first.includes('\t') ? 'tsv' : 'csv') : 'text'
}

/** The first line is a complete record and another one follows. The JSON reader reads a single record as well. */
function isJsonLines(head: string): boolean {
  const lines = head.trimStart().split(/\r\n|\n|\r/)
  try {
    const first: unknown = JSON.parse(lines[0] ?? '')
    return (
      typeof first === 'object' && first !== null && !Array.isArray(first) && /^\s*\{/.test(lines[1] ?? '')
    )
  } catch {
    return false
  }
}

/** `decide` is called once by readers of columns, as soon as these are known. */
export function makeReader(format: SeedFormat, decide: Decide = decideAlone): RowReader {
  switch (format) {
    case 'text':
      return new TextReader()
    case 'markdown':
      return new MarkdownTableReader(decide)
    case 'jsonl':
      return new JsonlReader(decide)
    case 'json':
      return new JsonReader(decide)
    case 'csv':
      return new CsvReader(false, decide)
    case 'tsv':
      return new CsvReader(true, decide)
    default:
      return format satisfies never
  }
}

/** First bytes of files that people add by mistake. */
const MAGIC_NUMBERS: readonly { readonly start: string; readonly sentence: string }[] = [
  { start: 'GGUF', sentence: 'This is a model file (GGUF). Open it under Teacher.' },
  {
    start: 'PK\u0003\u0004',
    sentence:
      'This is a ZIP archive or an Office document. Save its table as CSV, or its text as plain text.',
  },
  { start: '%PDF', sentence: 'This is a PDF. Copy its text and paste it, or save it as plain text.' },
  { start: 'PAR1', sentence: 'This is a Parquet file, which is not supported yet. Save it as JSONL or CSV.' },
  { start: '\u001f\u008b', sentence: 'This is a gzip archive. Unpack it first.' },
  { start: '\u0089PNG', sentence: 'This is an image.' },
  { start: '\u00ff\u00d8\u00ff', sentence: 'This is an image.' },
  { start: 'SQLite format', sentence: 'This is a database. Save the table as CSV.' },
]

/** Why these first bytes cannot be UTF-8 text; `undefined` if they may be. */
export function nameBinary(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 16))
  const known = MAGIC_NUMBERS.find((kind) => start.startsWith(kind.start))
  if (known) return known.sentence
  const utf16 =
    'The file is UTF-16 text, as some Windows programs write it. Save it as UTF-8 and add it again.'
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return utf16
  const head = bytes.subarray(0, 4096)
  let [even, odd] = [0, 0]
  head.forEach((byte, i) => {
    if (byte !== 0) return
    if (i % 2 === 0) even += 1
    else odd += 1
  })
  if (even + odd === 0) return undefined
  // Western UTF-16 text has a zero in nearly every second byte, always at odd or always at even offsets.
  if (even + odd > head.length / 4 && Math.min(even, odd) < (even + odd) / 20) return utf16
  return 'The file is not text: it contains zero bytes. Save its contents as plain text, JSONL or CSV.'
}
