// Knows: how a file or a pasted text becomes seeds: in pieces, so that a large one neither fills the memory nor blocks the thread.
// Must not know: storage, workers, the page.
import type { ColumnPreview } from '../../domain/column-mapping.ts'
import type { ProjectId, SeedId } from '../../domain/id.ts'
import type { Problem } from '../../domain/problem.ts'
import { parseSeed, type Seed } from '../../domain/seed.ts'
import { Utf8Decoder } from './decode.ts'
import { chooseFormat, makeReader, nameBinary, type SeedFormat } from './formats.ts'
import { decideColumns, type ColumnOptions } from './decide-columns.ts'
import type { Note } from './notes.ts'
import { ImportReport } from './report.ts'
import type { Decide, RawRow, RowReader } from './row-reader.ts'

/** A file (or any blob with a name), or text that was typed or pasted. */
export type SeedSource =
  | { readonly kind: 'file'; readonly file: Pick<File, 'name' | 'size' | 'slice'> }
  | { readonly kind: 'text'; readonly text: string }

/** The result of one piece of the source. */
export interface SeedBatch {
  readonly seeds: readonly Seed[]
  readonly problems: readonly Problem[]
  /** What was read as what so far, and what was not used; the same object in each batch. */
  readonly report: ImportReport
  /** The columns as they are read, once known. */
  readonly columns?: ColumnPreview
  /** The columns are not known, so nothing is read: a person has to choose. */
  readonly undecided?: true
  /** Rows read so far, valid and invalid. */
  readonly rows: number
  /** Bytes (for text: characters) read so far, and in total. */
  readonly bytes: number
  readonly totalBytes: number
  readonly format: SeedFormat
}

export interface ReadOptions extends ColumnOptions {
  readonly projectId: ProjectId
  /** Milliseconds since 1970, for `addedAt`. */
  readonly now: number
  readonly signal?: AbortSignal
}

/** Bytes of a piece, and max rows of a source. */
const PIECE = 256 * 1024
export const ROW_LIMIT = 1_000_000

/**
 * Reads a source in pieces. If its columns are not known and none were chosen, the only batch with rows is one that is `undecided`.
 * An invalid row is a problem with its line; the other rows are read. An error of the whole file (not
 * text, not UTF-8, truncated) is one problem, and the rows before it are kept. Only throws if `signal` aborts.
 */
export async function* readSeeds(
  source: SeedSource,
  options: ReadOptions,
): AsyncGenerator<SeedBatch, void, undefined> {
  const { projectId, now, signal } = options
  const name = source.kind === 'file' ? source.file.name : 'typed'
  const totalBytes = source.kind === 'file' ? source.file.size : source.text.length
  const lineOfSeed = new Map<SeedId, number>()
  const report = new ImportReport()
  let format: SeedFormat = 'text'
  let reader: RowReader | undefined
  let columns: ColumnPreview | undefined
  let undecided = false
  let rows = 0
  let found = 0

  const decide: Decide = (preview) => {
    const decided = decideColumns(preview, options)
    columns = decided.preview
    undecided = decided.plan === undefined
    return decided.plan
  }

  const toBatch = (raw: readonly RawRow[], bytes: number, more: readonly Problem[] = []): SeedBatch => {
    const seeds: Seed[] = []
    const problems: Problem[] = []
    let repeated = 0
    for (const row of raw) {
      if ('skipped' in row) {
        report.addRow(row.skipped)
        continue
      }
      rows += 1
      if (rows > ROW_LIMIT) break
      if ('sentence' in row) {
        problems.push(row)
        continue
      }
      const seed = parseSeed({
        projectId,
        text: row.text,
        earlier: row.earlier,
        answer: row.answer,
        fields: row.fields,
        source: name,
        line: row.line,
        addedAt: now,
      })
      if (!seed.ok) {
        problems.push(...seed.problems)
        continue
      }
      const earlier = lineOfSeed.get(seed.value.id)
      if (earlier === undefined) {
        lineOfSeed.set(seed.value.id, row.line)
        seeds.push(seed.value)
        report.addRow([
          ...(row.notes ?? []),
          ...noteCharacters([
            row.text,
            row.answer ?? '',
            ...(row.earlier ?? []).map(({ content }) => content),
          ]),
        ])
      } else {
        repeated += 1
        report.addRepeat(row.line, earlier)
      }
    }
    found += seeds.length + problems.length + repeated
    return {
      seeds,
      problems: [...problems, ...more],
      report,
      ...(columns ? { columns } : {}),
      ...(undecided ? { undecided } : {}),
      rows: Math.min(rows, ROW_LIMIT),
      bytes,
      totalBytes,
      format,
    }
  }

  for await (const piece of readPieces(source)) {
    signal?.throwIfAborted()
    if ('sentence' in piece)
      return yield toBatch([], piece.bytes, [
        piece.line === undefined
          ? { sentence: piece.sentence }
          : { sentence: piece.sentence, line: piece.line },
      ])
    if (!reader) {
      format = chooseFormat(source.kind === 'file' ? source.file.name : '', piece.text)
      reader = makeReader(format, decide)
    }
    const batch = toBatch(reader.push(piece.text), piece.bytes)
    if (batch.undecided) return yield batch
    if (rows > ROW_LIMIT) {
      return yield {
        ...batch,
        problems: [
          ...batch.problems,
          {
            sentence: `The source has more than ${ROW_LIMIT.toLocaleString('en')} rows; the first ${ROW_LIMIT.toLocaleString('en')} were read. Split it to add the rest.`,
          },
        ],
      }
    }
    yield batch
    if (piece.badLine) {
      const sentence = `Line ${piece.badLine} is not UTF-8 text. The lines before it were read. Save the file as UTF-8 and add it again; existing seeds are not added twice.`
      return yield toBatch(reader.end(false), piece.bytes, [{ sentence, line: piece.badLine }])
    }
  }
  const last = toBatch(reader?.end(true) ?? [], totalBytes)
  if (last.undecided || found > 0) return yield last
  const sentence =
    source.kind === 'text'
      ? 'There is no text yet. Type or paste one seed per line.'
      : totalBytes === 0
        ? `${name} is empty.`
        : rows === 0 && columns
          ? `${name} contains no seed: it has a header and no rows.`
          : `${name} contains no seed: it is blank.`
  yield { ...last, problems: [...last.problems, { sentence }] }
}

/** Characters that are broken: half of a pair, which a seed stores as U+FFFD, and U+FFFD itself. */
function noteCharacters(texts: readonly string[]): Note[] {
  return [
    ...(texts.some((text) => /\p{Surrogate}/u.test(text)) ? [{ kind: 'broken-character' } as const] : []),
    ...(texts.some((text) => text.includes('\uFFFD')) ? [{ kind: 'lost-character' } as const] : []),
  ]
}

type Piece =
  | { readonly text: string; readonly bytes: number; readonly badLine?: number }
  | { readonly sentence: string; readonly line?: number; readonly bytes: number }

/** The source's text in pieces, or a sentence if it cannot be read (any further). */
async function* readPieces(source: SeedSource): AsyncGenerator<Piece> {
  if (source.kind === 'text') {
    for (let from = 0; from < source.text.length; from += PIECE)
      yield {
        text: source.text.slice(from, from + PIECE).replace(from === 0 ? /^\uFEFF/ : /(?!)/, ''),
        bytes: Math.min(from + PIECE, source.text.length),
      }
    return
  }
  const { file } = source
  const decoder = new Utf8Decoder()
  for (let from = 0; from < file.size; from += PIECE) {
    const to = Math.min(from + PIECE, file.size)
    let bytes: Uint8Array
    try {
      bytes = new Uint8Array(await file.slice(from, to).arrayBuffer())
    } catch {
      yield {
        sentence: `${file.name} could not be read${from === 0 ? '' : ' to its end'}: it was moved, changed or locked. Choose it again.`,
        bytes: from,
      }
      return
    }
    const binary = from === 0 ? nameBinary(bytes) : undefined
    if (binary !== undefined) {
      yield { sentence: `${file.name}: ${binary}`, bytes: 0 }
      return
    }
    const decoded = decoder.decode(bytes, to === file.size)
    yield decoded.ok
      ? { text: decoded.text, bytes: to }
      : { text: decoded.text, bytes: to, badLine: decoded.line }
    if (!decoded.ok) return
  }
}
