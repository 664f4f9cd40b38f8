// Knows: named values of a prompt or row: kept from a file, or added by steps.

/** Values by name: at most `MAX_FIELDS`, names of up to `FIELD_NAME_LIMIT` characters. */
export type Fields = Readonly<Record<string, string | number>>

export const MAX_FIELDS = 60
export const FIELD_NAME_LIMIT = 100
/** Characters of a value. */
export const FIELD_LIMIT = 10_000
