// Knows: bytes that can be read in pieces, wherever they are stored.
// Must not know: what the bytes mean.

/** A file, a stored copy or a URL with range requests; reading is asynchronous and never needs the whole. */
export interface ByteSource {
  readonly name: string
  /** Total bytes. */
  readonly size: number
  /** Bytes [from, to). Rejects if they cannot be read; never returns fewer than requested. */
  read(from: number, to: number): Promise<Uint8Array>
  /** The whole as a Blob, if the browser has one: only a handle, nothing is read. */
  readonly blob?: Blob
}

/** Reads from memory; `read` returns views, not copies. */
export function sourceFromBytes(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(from, to) {
      checkRange(name, bytes.length, from, to)
      return bytes.subarray(from, to)
    },
  }
}

/** Reads from a File, a Blob or a handle's file in the origin-private file system. */
export function sourceFromBlob(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    blob,
    async read(from, to) {
      checkRange(name, blob.size, from, to)
      const bytes = new Uint8Array(await blob.slice(from, to).arrayBuffer())
      // A file that shrank on disk since it was chosen returns fewer bytes than its size.
      if (bytes.length !== to - from)
        throw new RangeError(
          `"${name}" returned ${bytes.length} of ${to - from} bytes: it changed while it was read. Choose the file again.`,
        )
      return bytes
    },
  }
}

function checkRange(name: string, size: number, from: number, to: number): void {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to && to <= size)) {
    throw new RangeError(`"${name}" has ${size} bytes; ${from} to ${to} was requested.`)
  }
}
