// Knows: how a row of symbols shrinks by joining neighbours, the pair of highest priority first and of equals the leftmost.
// Must not know: what a symbol is, why a pair may be joined.
import { Heap } from './heap.ts'

export interface Join {
  readonly priority: number
  /** Told again when it is the pair's turn, to see whether the pair is still what it was. */
  readonly mark: number
}

interface Candidate extends Join {
  readonly left: number
  readonly right: number
}

/**
 * Symbols are numbered from 0. `look` says how two neighbours would be joined, or undefined; `join` makes the left one both, or answers
 * false where one of them has changed since. Returns the symbol behind each, −1 at the end; those joined to others are passed over.
 */
export function joinNeighbours(
  count: number,
  look: (left: number, right: number) => Join | undefined,
  join: (left: number, right: number, mark: number) => boolean,
): Int32Array {
  const before = Int32Array.from({ length: count }, (_, i) => i - 1)
  const after = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1))
  const gone = new Uint8Array(count)
  const queue = new Heap<Candidate>(
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.left < b.left),
  )
  const propose = (left: number, right: number): void => {
    const found = left < 0 || right < 0 ? undefined : look(left, right)
    if (found !== undefined) queue.push({ priority: found.priority, mark: found.mark, left, right })
  }
  for (let i = 1; i < count; i++) propose(i - 1, i)
  for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
    const { left, right, mark } = top
    if (gone[left] === 1 || after[left] !== right || !join(left, right, mark)) continue
    const next = after[right] as number
    gone[right] = 1
    after[left] = next
    if (next >= 0) before[next] = left
    propose(before[left] as number, left)
    propose(left, next)
  }
  return after
}
