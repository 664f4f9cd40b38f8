// Knows: how to read values of the expected type from untrusted parsed JSON.
// Must not know: what the values are for.
import { quoteValue } from '../../weights/quote.ts'

/** A field of a record, or undefined if the value is not a record or lacks it. Inherited fields do not count. */
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

/** Whether a value is a whole number from 0 to `length` − 1. */
export const isIndex = (value: unknown, length: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < length

/** Formats a value for a sentence. */
export const show = quoteValue
