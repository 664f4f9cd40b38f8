// Knows: what to do about labels that are one label in several spellings: a classifier would learn each as a class of its own.
import type { LabelGroup } from '../training/near-equal-labels.ts'
import type { Advice } from './advice.ts'

const SHOWN = 3
const count = (rows: number): string => `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`

/** Undefined if all labels differ in more than their spelling. */
export function adviseOnNearEqualLabels(groups: readonly LabelGroup[]): Advice | undefined {
  if (groups.length === 0) return undefined
  const others = groups.reduce((sum, group) => sum + group.others.length, 0)
  const shown = groups
    .slice(0, SHOWN)
    .map(({ label, rows, others: spellings }) =>
      [{ name: label, rows }, ...spellings].map(({ name, rows: n }) => `“${name}” (${count(n)})`).join(', '),
    )
  const more = groups.length - shown.length
  return {
    id: 'near-equal-labels',
    sentence: `Labels that differ only in case, blanks or punctuation are classes of their own: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}. Merging keeps the most frequent spelling.`,
    remedy: {
      label: `Merge ${others} ${others === 1 ? 'spelling' : 'spellings'}`,
      change: { kind: 'merge-labels', groups },
    },
  }
}
