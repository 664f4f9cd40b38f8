// Knows: hashes that name a value by its contents: equal contents have equal names on every machine.
// Must not know: what the value means.
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** A value that JSON can carry. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/**
 * JSON with keys in code-unit order and without `undefined` fields, so that equal values give equal text.
 * Throws a RangeError on numbers that JSON cannot carry (NaN, infinities).
 */
export function canonicalJson(value: Json): string {
  // Every call of a model has an address made of this: no list is built on the way.
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} has no canonical JSON`)
    return `${value}`
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) text += `${text === '' ? '' : ','}${canonicalJson(item)}`
    return `[${text}]`
  }
  const record = value as { readonly [key: string]: Json | undefined }
  for (const key of Object.keys(record).toSorted()) {
    const field = record[key]
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(field)}`
  }
  return `{${text}}`
}

const encoder = new TextEncoder()
/** Memory for texts that are hashed: each call of a model is, and none of them needs memory of its own. */
const scratch = new Uint8Array(65_536)

/** UTF-8 of a text, valid until the next call. */
function utf8Of(text: string): Uint8Array {
  if (3 * text.length > scratch.length) return encoder.encode(text)
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written)
}

/** SHA-256 of the canonical JSON, 64 hexadecimal digits. */
export function hashOf(value: Json): string {
  return bytesToHex(sha256(utf8Of(canonicalJson(value))))
}

/** Hashes texts that begin alike: what they share is hashed once. */
export class SharedStart {
  readonly #state: ReturnType<typeof sha256.create>

  /** A start that ends between two characters, never within one. */
  constructor(start: string) {
    this.#state = sha256.create().update(utf8Of(start))
  }

  /** SHA-256 of the start and the rest together, 64 hexadecimal digits. */
  hashWith(rest: string): string {
    return bytesToHex(this.#state.clone().update(utf8Of(rest)).digest())
  }
}

/** SHA-256 of raw bytes, 64 hexadecimal digits. */
export function hashOfBytes(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}

/** A digest of a stream of bytes: `sha256:` or `git:` (the SHA-1 that git names a file's contents by) and hexadecimal digits. */
export type Digest = `sha256:${string}` | `git:${string}`

/** Reads a stream of bytes and reports at its end whether it matches the digest. */
export interface DigestCheck {
  update(bytes: Uint8Array): void
  /** To be called once, after the last update. */
  matches(): boolean
}

/** Starts a check of `size` bytes against a digest. */
export function checkDigest(digest: Digest, size: number): DigestCheck {
  const [kind, wanted] = digest.split(':')
  const hash = kind === 'git' ? sha1.create().update(utf8ToBytes(`blob ${size}\0`)) : sha256.create()
  return { update: (bytes) => void hash.update(bytes), matches: () => bytesToHex(hash.digest()) === wanted }
}
