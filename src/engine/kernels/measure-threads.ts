// Knows: how many threads are fastest on this machine: measured with products like those of a model. Browsers report more cores than there
// are (WebKit), and threads of slow cores or of one core's halves may cost more than they do.
// Must not know: how threads are started.
import { activationBytes, packedBytes, PACKED } from './layouts.ts'
import type { Kernels } from './module.ts'
import { Program, rowBytes } from './program.ts'

/** Rows, and a matrix of this size, which fits the caches of a core: the time is that of computing, not of memory. */
const [ROWS, N, K] = [8, 1024, 1024]
const PRODUCTS = 8
/** Measurements of each number of threads, of which the fastest counts: others may be using the machine. */
const TRIES = 4
/** Milliseconds in which engines optimise the code. */
const WARM_UP = 15
/** A smaller number is chosen only if it is faster by this factor: a machine that is busy now is not so for ever. */
const GAIN = 1.25

/**
 * The fastest number of at most `available` threads. `lead` runs a program with the given number, the caller's own included. What is
 * allocated is freed again.
 */
export function measureThreads(
  { heap, dot }: Kernels,
  available: number,
  lead: (program: number, operations: number, threads: number) => void,
  now: () => number = () => performance.now(),
): number {
  heap.keep()
  const program = new Program(heap, PRODUCTS, available, K)
  const rounded = heap.allocate(activationBytes(dot, ROWS, K))
  const bytes = packedBytes(PACKED.q4, K, N)
  const matrix = {
    K,
    N,
    bytes,
    hasFloats: false,
    parts: [{ kind: 'q4', code: PACKED.q4.code, address: heap.allocate(bytes), firstRow: 0, rows: N }],
  } as const
  const x = { address: 0, bytes: rowBytes(K) } // products of integers do not read it
  const y = { address: heap.allocate(ROWS * rowBytes(N)), bytes: rowBytes(N) }
  const run = (threads: number): number => {
    program.clear()
    for (let i = 0; i < PRODUCTS; i++) program.product(matrix, x, rounded, y, ROWS)
    const since = now()
    lead(program.address, program.operations, threads)
    return now() - since
  }
  for (const end = now() + WARM_UP; now() < end;) run(available)
  const candidates: number[] = []
  for (let threads = available; threads > 1; threads = Math.ceil(threads / 2)) candidates.push(threads)
  candidates.push(1)
  const fastest = candidates.map(() => Infinity)
  for (let round = 0; round < TRIES; round++)
    candidates.forEach((threads, i) => (fastest[i] = Math.min(fastest[i] as number, run(threads))))
  heap.reset()
  let best = 0
  fastest.forEach((ms, i) => {
    if (ms * GAIN < (fastest[best] as number)) best = i
  })
  return candidates[best] as number
}
