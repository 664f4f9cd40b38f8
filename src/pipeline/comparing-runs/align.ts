// Knows: how two ordered lists are put next to each other by the names of their entries.

export interface Aligned<T> {
  readonly first?: T
  readonly second?: T
}

/** Entries of equal names in pairs, the nth with the nth; all in the order of the first list, others after the entry they follow. */
export function align<T>(
  first: readonly T[],
  second: readonly T[],
  nameOf: (entry: T) => string,
): readonly Aligned<T>[] {
  const number = (entries: readonly T[]): [string, T][] => {
    const seen = new Map<string, number>()
    return entries.map((entry) => {
      const name = nameOf(entry)
      const nth = seen.get(name) ?? 0
      seen.set(name, nth + 1)
      return [`${nth} ${name}`, entry]
    })
  }
  const seconds = number(second)
  const found = new Map(seconds)
  const pairs: { readonly key: string; readonly pair: Aligned<T> }[] = number(first).map(([key, entry]) => {
    const other = found.get(key)
    return { key, pair: { first: entry, ...(other === undefined ? {} : { second: other }) } }
  })
  let at = 0
  for (const [key, entry] of seconds) {
    const matched = pairs.findIndex((pair) => pair.key === key)
    if (matched >= 0) at = matched + 1
    else pairs.splice(at++, 0, { key, pair: { second: entry } })
  }
  return pairs.map(({ pair }) => pair)
}
