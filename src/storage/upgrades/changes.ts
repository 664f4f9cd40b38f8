// Knows: changes to a value that may not have the expected form: such a value is returned unchanged, for the schema to refuse.
// Must not know: any one record.

/** From a value of one version to that of the next. */
export type Change = (value: unknown) => unknown

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The record with fields under other names, in the same order. `names`: old to new. */
export function renameFields(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!isRecord(value)) return value
  const fields = new Map(Object.entries(names)) // a field called `constructor` is not renamed
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [fields.get(name) ?? name, field]))
}

/** The record with one field changed, if it has that field. */
export function mapField(value: unknown, name: string, change: Change): unknown {
  if (!isRecord(value) || !Object.hasOwn(value, name)) return value
  const changed = change(value[name])
  return changed === value[name] ? value : { ...value, [name]: changed }
}

/** The list with every item changed. */
export const mapItems = (value: unknown, change: Change): unknown =>
  Array.isArray(value) ? value.map((item: unknown) => change(item)) : value

/** Texts of a fixed set under other names; any other value stays. `names`: old to new. */
export const mapText = (names: Readonly<Record<string, string>>): Change => {
  const texts = new Map<unknown, string>(Object.entries(names))
  return (value) => texts.get(value) ?? value
}
