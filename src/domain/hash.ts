// Knows: how a value becomes a name. The same contents give the same name on every machine.
// Must not know: what the value means.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** A value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * JSON with keys in code-unit order and without `undefined` fields, so that equal values give equal text.
 * Throws a RangeError on numbers that JSON cannot carry (NaN, infinities).
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${value} has no canonical JSON`)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`
  const record = value as { readonly [key: string]: Json | undefined }
  const fields = Object.keys(record).toSorted().flatMap((key) => {
    const field = record[key]
    return field === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(field)}`]
  })
  return `{${fields.join(',')}}`
}

/** SHA-256 of the canonical JSON, 64 hexadecimal digits. */
export function hashOf(value: Json): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))))
}

/** SHA-256 of raw bytes, 64 hexadecimal digits. */
export function hashOfBytes(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}
