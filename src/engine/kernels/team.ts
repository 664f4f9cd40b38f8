// Knows: who runs programs: one thread alone, or a leader with helpers in other threads.
// Must not know: how helpers' threads are started (a host's workers).
import { EngineError } from '../errors.ts'
import { CONTROL } from './layouts.ts'
import type { measureThreads } from './measure-threads.ts'
import { instantiateKernels, type Kernels } from './module.ts'

export interface Team {
  readonly threads: number
  /** Runs a program to its end. Throws EngineError `broken` if a thread died inside of it. */
  lead(program: number, operations: number): void
  /** Sends helpers home; their threads may be ended afterwards. */
  release(): Promise<void>
}

export const workAlone = ({ functions }: Kernels): Team => ({
  threads: 1,
  lead: (program, operations) => functions.run(program, operations, 0),
  release: async () => undefined,
})

/** What a helper's thread needs: everything can be posted to it. */
export interface HelperStart {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly control: number
  /** 1 or more. */
  readonly thread: number
}

/** A helper's whole life, in its own thread: it returns when the team is released. */
export async function help({ module, memory, control, thread }: HelperStart): Promise<void> {
  const { serve } = await instantiateKernels(module, memory)
  serve(control, thread)
}

/** A thread for one helper. */
export interface HelperThread {
  /** Resolves when the thread runs and waits for `begin`. */
  readonly started: Promise<unknown>
  /** Lets it call `help`, from which it returns only when the team is released. */
  begin(start: HelperStart): void
  /** Stops it, wherever it is. */
  end(): void
}
export type StartHelper = () => HelperThread

/** Milliseconds that helpers get to start; those that do not are ended and not missed, since work is taken and not given. */
const START_LIMIT = 5000

/** A team of `threads`, the leader included, or of fewer if `choose` finds these faster; the heap is shared. */
export async function workTogether(
  kernels: Kernels,
  threads: number,
  start: StartHelper,
  choose?: typeof measureThreads,
): Promise<Team> {
  const { heap, functions, module } = kernels
  if (!heap.shared) throw new RangeError('threads need shared memory')
  const control = heap.allocate(CONTROL.bytes)
  const ready = (): number => Atomics.load(heap.integers, (control + CONTROL.ready) / 4)
  // All threads run before the first one begins: a thread that is inside of `help` hears nothing.
  const created = Array.from({ length: threads - 1 }, () => start())
  const runs = await Promise.all(
    created.map(({ started }) => Promise.race([started.then(() => true), wait(START_LIMIT)])),
  )
  const helpers = created.filter((helper, i) => {
    if (!runs[i]) helper.end()
    return runs[i]
  })
  helpers.forEach((helper, i) => helper.begin({ module, memory: heap.memory, control, thread: i + 1 }))
  const since = performance.now()
  while (ready() < helpers.length && performance.now() - since < START_LIMIT) await wait(1)
  const lead = (program: number, operations: number, limit = 0): void => {
    Atomics.store(heap.integers, (control + CONTROL.limit) / 4, limit)
    functions.lead(control, program, operations)
  }
  if (choose !== undefined && helpers.length > 0) {
    const chosen = choose(kernels, helpers.length + 1, lead)
    const surplus = helpers.splice(chosen - 1)
    if (surplus.length > 0) {
      functions.dismiss(control, chosen)
      await waitUntilReady(ready, helpers.length)
      for (const helper of surplus) helper.end()
    }
  }
  return {
    threads: helpers.length + 1,
    lead(program, operations) {
      try {
        lead(program, operations)
      } catch (thrown) {
        for (const helper of helpers) helper.end()
        throw new EngineError(
          'broken',
          'A thread of the model died while it computed. Load the model again.',
          {
            cause: thrown,
          },
        )
      }
    },
    async release() {
      functions.dismiss(control, 1)
      await waitUntilReady(ready, 0)
      for (const helper of helpers) helper.end()
    },
  }
}

/** Waits until at most `count` helpers serve, for a second at most. */
async function waitUntilReady(ready: () => number, count: number): Promise<void> {
  const from = performance.now()
  while (ready() > count && performance.now() - from < 1000) await wait(1)
}

const wait = (ms: number): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), ms))

/** What was posted to a helper's thread. Throws a TypeError for anything else. */
export function readHelperStart(message: unknown): HelperStart {
  if (typeof message === 'object' && message !== null) {
    const { module, memory, control, thread } = message as Partial<Record<keyof HelperStart, unknown>>
    if (
      module instanceof WebAssembly.Module &&
      memory instanceof WebAssembly.Memory &&
      typeof control === 'number' &&
      typeof thread === 'number'
    )
      return { module, memory, control, thread }
  }
  throw new TypeError('a helper was started with something else')
}
