// Knows: which labels are one label spelled in several ways.
import { classOf, MAX_CLASS_LENGTH } from './find-classes.ts'

export interface LabelGroup {
  /** The most frequent spelling; among equally frequent ones the first by name. */
  readonly label: string
  readonly rows: number
  /** The other spellings, the most frequent first. */
  readonly others: readonly { readonly name: string; readonly rows: number }[]
}

/** Quotes, brackets and marks of emphasis around a label, and the end of a sentence. */
const AROUND = /^[\s"'“”„‘’«»`*_([{<]+|[\s"'“”„‘’«»`*_)\]}>.,;:!?。！？]+$/gu

/** What two spellings of one label have in common. */
const keyOf = (label: string): string =>
  label
    .normalize('NFKC')
    .replaceAll(AROUND, '')
    .replaceAll(/[\s_-]+/gu, ' ')
    .toLowerCase()

/** Labels that differ only in case, blanks, quotes or punctuation, largest group first. Texts too long for a label are left out. */
export function findNearEqualLabels(completions: Iterable<string>): readonly LabelGroup[] {
  const groups = new Map<string, Map<string, number>>()
  for (const completion of completions) {
    const name = classOf(completion)
    const key = name.length > MAX_CLASS_LENGTH ? '' : keyOf(name)
    if (key === '') continue
    const spellings = groups.get(key) ?? new Map<string, number>()
    groups.set(key, spellings.set(name, (spellings.get(name) ?? 0) + 1))
  }
  return [...groups.values()]
    .filter((spellings) => spellings.size > 1)
    .map((spellings): LabelGroup => {
      const [first, ...others] = [...spellings]
        .map(([name, rows]) => ({ name, rows }))
        .toSorted((a, b) => b.rows - a.rows || (a.name < b.name ? -1 : 1))
      return { label: first?.name ?? '', rows: first?.rows ?? 0, others }
    })
    .toSorted((a, b) => b.rows - a.rows || (a.label < b.label ? -1 : 1))
}
