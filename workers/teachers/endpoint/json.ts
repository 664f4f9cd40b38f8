// Knows: the form of a request's body; how fields of an untrusted value are read. A field of another type counts as absent.
import type { Json } from '../../../src/domain/hash.ts'
import { fieldOf } from '../../../src/engine/tokenizers/files/unknown-json.ts'

/** Of a request; a field without a value is not sent. */
export type Body = { readonly [field: string]: Json | undefined }

/** A field of a field, and so on; a number is an index in a list. */
export const reach = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((at, step) => fieldOf(at, String(step)), value)

export const textIn = (value: unknown, ...path: readonly (string | number)[]): string | undefined => {
  const found = reach(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export const numberIn = (value: unknown, ...path: readonly (string | number)[]): number | undefined => {
  const found = reach(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

/** A whole number of at least 0. */
export const countIn = (value: unknown, ...path: readonly (string | number)[]): number | undefined => {
  const found = numberIn(value, ...path)
  return found !== undefined && Number.isSafeInteger(found) && found >= 0 ? found : undefined
}

/** Up to `max` items; empty if there is no list. */
export const listIn = (
  value: unknown,
  max: number,
  ...path: readonly (string | number)[]
): readonly unknown[] => {
  const found = reach(value, ...path)
  return Array.isArray(found) ? found.slice(0, max) : []
}

/** Up to `max` pairs of an object's own fields. */
export const pairsIn = (
  value: unknown,
  max: number,
  ...path: readonly (string | number)[]
): readonly (readonly [string, unknown])[] => {
  const found = reach(value, ...path)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? Object.entries(found).slice(0, max)
    : []
}

/** One line of up to `max` characters, without control characters and characters that reverse the text direction. */
export const oneLine = (text: string, max: number): string =>
  text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, max)
