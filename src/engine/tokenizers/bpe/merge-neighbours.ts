// Knows: how a sequence of symbols shrinks by merging neighbours: the pair with the highest priority first, the
// leftmost of equals.
// Must not know: what a symbol is, which pairs can merge.
import { Heap } from './heap.ts'

export interface Merge {
  readonly priority: number
  /** Passed to `merge`, which checks with it whether the pair is unchanged. */
  readonly mark: number
}

interface Candidate extends Merge {
  readonly left: number
  readonly right: number
}

/**
 * Symbols are numbered from 0. `propose` returns how two neighbours merge, or undefined; `merge` turns the left
 * one into both, or returns false if one of them has changed since. Returns the symbol after each, −1 at the
 * end; symbols merged into others are skipped.
 */
export function mergeNeighbours(
  count: number,
  propose: (left: number, right: number) => Merge | undefined,
  merge: (left: number, right: number, mark: number) => boolean,
): Int32Array {
  const before = Int32Array.from({ length: count }, (_, i) => i - 1)
  const after = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1))
  const merged = new Uint8Array(count)
  const queue = new Heap<Candidate>(
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.left < b.left),
  )
  const enqueue = (left: number, right: number): void => {
    const found = left < 0 || right < 0 ? undefined : propose(left, right)
    if (found !== undefined) queue.push({ priority: found.priority, mark: found.mark, left, right })
  }
  for (let i = 1; i < count; i++) enqueue(i - 1, i)
  for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
    const { left, right, mark } = top
    if (merged[left] === 1 || after[left] !== right || !merge(left, right, mark)) continue
    const next = after[right] as number
    merged[right] = 1
    after[left] = next
    if (next >= 0) before[next] = left
    enqueue(before[left] as number, left)
    enqueue(left, next)
  }
  return after
}
