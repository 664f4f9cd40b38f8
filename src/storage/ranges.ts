// Knows: key ranges. Arrays sort after strings and numbers in IndexedDB, so [prefix, []] sorts after every [prefix, x].

/** All keys that begin with the parts. */
export const within = (...parts: readonly (string | number)[]): IDBKeyRange =>
  IDBKeyRange.bound([...parts], [...parts, []])
