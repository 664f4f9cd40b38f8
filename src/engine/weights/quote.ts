// Knows: how a text or another value from a file is shown in a sentence: short, on one line, with control characters escaped.

const MAX_LENGTH = 60

const escapeControls = (text: string): string =>
  text.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const cut = (text: string): string => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text)

/** The text in quotation marks, up to 60 characters of it. */
export const quote = (text: string): string => escapeControls(JSON.stringify(cut(text)))

/** Any value: a text in quotation marks, lists and maps as JSON, up to 60 characters of it; `nothing` for undefined. */
export function quoteValue(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (value === undefined) return 'nothing'
  return escapeControls(
    cut(
      JSON.stringify(value, (_key, item: unknown) =>
        typeof item === 'bigint' ? Number(item) : item instanceof Map ? Object.fromEntries(item) : item,
      ) ?? 'something else',
    ),
  )
}
