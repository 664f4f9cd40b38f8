// Knows: how fast a small graph runs with a number of threads. A worker of its own, because it can start the runtime only once.
import { Graph } from '../src/engine/graph/graph.ts'
import { add, matMul } from '../src/engine/graph/ops/index.ts'
import { openRuntime } from '../src/engine/runtime/open.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { ThreadsContract } from '../src/protocol/threads.ts'
import { watchStartsFromPage } from './watch-starts.ts'

watchStartsFromPage()

/** Rows, width and layers: products as of one decoding step of a small model, where waiting for threads costs most. */
const ROWS = 8
const WIDTH = 384
const LAYERS = 12
/** Milliseconds before and during the measurement. */
const WARM_UP = 40
const MEASURE = 160

function buildGraph() {
  const g = new Graph()
  let x = g.input('x', 'f32', [ROWS, WIDTH])
  for (let i = 0; i < LAYERS; i++) {
    const data = Float32Array.from({ length: WIDTH * WIDTH }, (_, k) => ((k * 7 + i) % 13) / 13 / WIDTH)
    x = add(g, x, matMul(g, x, g.weight(`w${i}`, 'f32', [WIDTH, WIDTH], data)))
  }
  g.output('y', x)
  return g.finish()
}

serveSelf<ThreadsContract>({
  measure: async ({ threads }) => {
    const runtime = await openRuntime({ backend: 'wasm', threads })
    const session = await runtime.open(buildGraph())
    const x = { dtype: 'f32' as const, shape: [ROWS, WIDTH], data: new Float32Array(ROWS * WIDTH).fill(0.5) }
    const runFor = async (ms: number): Promise<number> => {
      const since = performance.now()
      let runs = 0
      for (; performance.now() - since < ms; runs++) await session.run({ x })
      return (runs / (performance.now() - since)) * 1000
    }
    await runFor(WARM_UP)
    const runsPerSecond = await runFor(MEASURE)
    await session.release()
    return { threads: runtime.threads, runsPerSecond }
  },
})
