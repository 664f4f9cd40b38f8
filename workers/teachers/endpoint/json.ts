// Knows: how fields of an unknown value are looked at without trusting it. What is not of the wanted kind is absent.
import { fieldOf } from '../../../src/engine/tokenizers/unknown-json.ts'

/** A field of a field, and so on; a number is a place in a list. */
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

/** A whole number from 0 on. */
export const countIn = (value: unknown, ...path: readonly (string | number)[]): number | undefined => {
  const found = numberIn(value, ...path)
  return found !== undefined && Number.isSafeInteger(found) && found >= 0 ? found : undefined
}

/** At most `most` items; empty where there is no list. */
export const listIn = (
  value: unknown,
  most: number,
  ...path: readonly (string | number)[]
): readonly unknown[] => {
  const found = reach(value, ...path)
  return Array.isArray(found) ? found.slice(0, most) : []
}

/** Pairs of an object's own fields, at most `most`. */
export const pairsIn = (
  value: unknown,
  most: number,
  ...path: readonly (string | number)[]
): readonly (readonly [string, unknown])[] => {
  const found = reach(value, ...path)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? Object.entries(found).slice(0, most)
    : []
}

/** One line of at most `most` characters, without characters that move a cursor or turn text around. */
export const oneLine = (text: string, most: number): string =>
  text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, most)
