// Knows: splitting rows into training and held-out ones so that siblings are never on both sides.
import type { Split } from '../../domain/dataset.ts'
import type { SeedId } from '../../domain/id.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import { realNumber, type ValuesOf } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'

export const split = defineStep({
  family: 'freeze',
  name: 'split',
  title: 'Freeze and split by seed',
  help: 'Freezes the kept rows and holds out some seeds, with everything grown from them, for evaluation.',
  settings: {
    heldOut: realNumber({
      label: 'Share held out',
      help: 'Share of the rows that the student is never trained on; at least one seed.',
      from: 0.01,
      to: 0.5,
      default: 0.1,
      step: 0.01,
    }),
  },
})

export type SplitSettings = ValuesOf<typeof split.settings>

/** What a split reads of a row. */
export interface SplitRow {
  readonly seedId: SeedId
  readonly prompt: string
}

/**
 * One side for each row. Rows are siblings if they descend from the same seed or have the same prompt (ignoring case and white
 * space), directly or transitively; siblings are on the same side. Whole families are held out, in an order drawn from `rngSeed`,
 * as long as that brings the share of rows closer to `heldOut`; each side has one family or more, or the split is refused.
 */
export function splitRows(
  rows: readonly SplitRow[],
  { heldOut }: SplitSettings,
  rngSeed: number,
): Checked<Split[]> {
  if (rows.length === 0)
    return refuse({
      sentence:
        'No row was kept, so there is nothing to freeze. Relax a filter or the minimum score, and run again.',
    })
  const families = joinSiblings(rows)
  const sizes = new Map<string, number>()
  for (const family of families) sizes.set(family, (sizes.get(family) ?? 0) + 1)
  if (sizes.size < 2) {
    return refuse({
      sentence:
        rows.length === 1
          ? 'Only one row was kept; a dataset needs two or more, from two seeds: one to train on and one held out.'
          : `All ${rows.length} kept rows descend from one seed (or have the same prompt), so none can be held out without leaking into training. Add seeds, or relax a filter, and run again.`,
    })
  }
  // Sorted before the shuffle: the split depends on the set of families, not on the order of rows.
  const order = shuffle([...sizes.keys()].toSorted(), makeRng(`${rngSeed}/split`))
  const wanted = heldOut * rows.length
  const held = new Set<string>()
  let count = 0
  for (const family of order) {
    const size = sizes.get(family) as number
    const nearer = Math.abs(count + size - wanted) < Math.abs(count - wanted)
    if (held.size < sizes.size - 1 && nearer) {
      held.add(family)
      count += size
    }
  }
  if (held.size === 0)
    held.add(order.toSorted((a, b) => (sizes.get(a) as number) - (sizes.get(b) as number))[0] as string)
  return accept(families.map((family) => (held.has(family) ? 'held-out' : 'train')))
}

/** For each row the name of its family: the smallest seed id of its siblings. */
function joinSiblings(rows: readonly SplitRow[]): string[] {
  const parent = new Map<string, string>()
  const find = (name: string): string => {
    let root = name
    while (parent.get(root) !== root) root = parent.get(root) as string
    for (let at = name; at !== root;) {
      const next = parent.get(at) as string
      parent.set(at, root)
      at = next
    }
    return root
  }
  const seedOfPrompt = new Map<string, string>()
  for (const { seedId, prompt } of rows) {
    if (!parent.has(seedId)) parent.set(seedId, seedId)
    const normalised = prompt.toLowerCase().replaceAll(/\s+/gu, ' ').trim()
    const earlier = seedOfPrompt.get(normalised)
    if (earlier === undefined) seedOfPrompt.set(normalised, seedId)
    else {
      const [a, b] = [find(earlier), find(seedId)]
      if (a !== b) parent.set(a < b ? b : a, a < b ? a : b)
    }
  }
  return rows.map(({ seedId }) => find(seedId))
}
