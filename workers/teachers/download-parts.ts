// Knows: where a download's bytes go: into the store, resuming what an earlier attempt left there, or into memory; and how they are
// verified as they arrive.
// Must not know: where they come from (fetch-model.ts).
import { checkDigest, type Digest, type DigestCheck } from '../../src/domain/hash.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { Appender } from '../../src/storage/folders.ts'
import type { PartFiles } from '../../src/storage/part-files.ts'
import type { DownloadPart } from './fetch-model.ts'

/** A part that can be closed, kept or deleted, and whose bytes so far can be read. */
export interface OpenPart extends DownloadPart {
  /** What an earlier attempt left, before anything is appended. */
  readonly left: Blob | undefined
  close(): Promise<void>
  drop(): Promise<void>
}

/**
 * A part in the store; what an earlier attempt left stays in it. It is opened at the first write: a file that is open for writing
 * cannot be read back reliably.
 */
export async function openStoredPart(files: PartFiles, name: string): Promise<OpenPart> {
  const before = await files.findPart(name)
  const left = before && (await files.readPart(name))
  let appender: Appender | undefined
  let bytes = before?.bytes ?? 0
  let tag = before?.tag ?? ''
  const close = async (): Promise<void> => {
    await appender?.close()
    appender = undefined
  }
  return {
    left,
    get bytes() {
      return bytes
    },
    get tag() {
      return tag
    },
    async restart(keep, newTag) {
      await close()
      tag = newTag
      appender = await files.openPart(name, keep, newTag)
      bytes = appender.bytes
    },
    async append(piece) {
      appender ??= await files.openPart(name, bytes, tag)
      await appender.append(piece)
      bytes = appender.bytes
    },
    async close() {
      // An empty file must be created too.
      if (appender === undefined && left === undefined && bytes === 0)
        appender = await files.openPart(name, 0, tag)
      await close()
    },
    async drop() {
      await close()
      await files.dropPart(name)
    },
  }
}

/**
 * A part in memory that becomes a blob, which the browser may keep on disk, and not one array in the heap. `left`: what was downloaded
 * before, of the version `leftTag`.
 */
export function openMemoryPart(left?: Blob, leftTag = ''): OpenPart & { toBlob(): Blob } {
  let pieces: (Blob | Uint8Array<ArrayBuffer>)[] = left === undefined ? [] : [left]
  let bytes = left?.size ?? 0
  let tag = bytes > 0 ? leftTag : ''
  const empty = (): void => {
    pieces = []
    bytes = 0
  }
  return {
    left,
    get bytes() {
      return bytes
    },
    get tag() {
      return tag
    },
    async restart(keep, newTag) {
      tag = newTag
      if (keep !== bytes) empty()
    },
    async append(piece) {
      pieces.push(new Uint8Array(piece))
      bytes += piece.length
    },
    close: async () => undefined,
    drop: async () => empty(),
    toBlob() {
      const blob = new Blob(pieces)
      empty()
      return blob
    },
  }
}

/** What the downloaded bytes must match. */
export interface ExpectedFile {
  readonly path: string
  readonly bytes: number
  readonly digest?: Digest
}

/** Bytes that are read back at a time. */
const CHUNK = 8 * 1024 * 1024

/**
 * A part whose bytes are hashed as they arrive; what an earlier attempt left is read back first. If more bytes than expected arrive,
 * `append` throws `DownloadFailed`. At the end `matches` returns whether all bytes are the expected ones.
 */
export async function checkPart(
  part: OpenPart,
  expected: ExpectedFile,
  signal: AbortSignal,
): Promise<DownloadPart & { matches(): boolean }> {
  const startCheck = (): DigestCheck | undefined =>
    expected.digest && checkDigest(expected.digest, expected.bytes)
  let check = startCheck()
  if (part.bytes > expected.bytes) await part.restart(0, '')
  for (let from = 0; part.left !== undefined && from < part.bytes; from += CHUNK) {
    signal.throwIfAborted()
    check?.update(
      new Uint8Array(await part.left.slice(from, Math.min(part.bytes, from + CHUNK)).arrayBuffer()),
    )
  }
  return {
    get bytes() {
      return part.bytes
    },
    get tag() {
      return part.tag
    },
    async restart(keep, tag) {
      if (keep !== 0 && keep !== part.bytes)
        throw new RangeError(`a part of ${part.bytes} bytes cannot be cut to ${keep} and still be checked`)
      if (keep === 0) check = startCheck()
      await part.restart(keep, tag)
    },
    async append(bytes) {
      if (part.bytes + bytes.length > expected.bytes)
        throw new RetortError(
          'DownloadFailed',
          `“${expected.path}” is longer than the ${expected.bytes} bytes in the hub’s list of files. The file there changed or is damaged; inspect the address again.`,
        )
      check?.update(bytes)
      await part.append(bytes)
    },
    matches: () => part.bytes === expected.bytes && (check?.matches() ?? true),
  }
}
