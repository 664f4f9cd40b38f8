// Knows: how to take values of the expected kind out of parsed JSON that a stranger wrote.
// Must not know: what the values are for.
import { quote } from '../weights/quote.ts'

/** A field of a record, or undefined where the value is no record or lacks it. Inherited fields do not count. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, field)?.value
    : undefined
}

export const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function textOf(value: unknown, field: string): string | undefined {
  const found = fieldOf(value, field)
  return typeof found === 'string' ? found : undefined
}

export function listOf(value: unknown, field: string): readonly unknown[] {
  const found = fieldOf(value, field)
  return Array.isArray(found) ? found : []
}

/** A whole number from 0 to `most` − 1. */
export const isIndex = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < most

/** A value as it stands in a sentence. */
export const show = (value: unknown): string =>
  typeof value === 'string'
    ? quote(value)
    : value === undefined
      ? 'nothing'
      : quote(JSON.stringify(value) ?? 'something else')
