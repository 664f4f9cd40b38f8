// Knows: values of JSON records: which are text, and how each kind is named in a sentence.

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Absent, null, or blank text. */
export const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '')

/** A text, a number or a truth value as text; `undefined` for anything else. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/**
 * A value as text: a scalar, a list of scalars as lines, the texts of `{text: …}` or `{value: …}`, a record of scalars as lines
 * `name: value`, anything else as JSON.
 * `undefined` for blank values.
 */
export function anyText(value: unknown): string | undefined {
  if (isBlank(value)) return undefined
  const scalar = scalarText(value)
  if (scalar !== undefined) return scalar
  if (Array.isArray(value)) {
    const items = value.map(scalarText)
    if (items.length === 0) return undefined
    if (items.every((item) => item !== undefined)) return items.join('\n')
  } else if (isRecord(value)) {
    const inner = value['text'] ?? value['value']
    if (!isBlank(inner) && !isRecord(inner)) return anyText(inner)
    const lines = Object.entries(value).map(([name, item]) => ({ name, text: scalarText(item) }))
    if (lines.length > 0 && lines.every(({ text }) => text !== undefined))
      return lines.map(({ name, text }) => `${name}: ${text}`).join('\n')
  }
  return JSON.stringify(value)
}

export const nameOf = (value: unknown): string =>
  value === null || value === undefined
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'a record'
        : typeof value === 'number'
          ? 'a number'
          : typeof value === 'boolean'
            ? 'true or false'
            : 'a text'
