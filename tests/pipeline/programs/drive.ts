// Knows: how a step program is driven without an executor: every call gets its reply from a function.
import type { Reply } from '../../../src/domain/reply.ts'
import type { Call, Program } from '../../../src/pipeline/programs/program.ts'

export interface Driven<T, E> {
  readonly outcome: T
  readonly calls: readonly Call[]
  readonly emitted: readonly E[]
  readonly pauses: number
}

/** Runs a program to its end; programs side by side run one after the other. */
export function drive<T, E = never>(program: Program<T, E>, reply: (call: Call) => Reply): Driven<T, E> {
  const calls: Call[] = []
  const emitted: E[] = []
  let pauses = 0
  const run = <U>(part: Program<U, E>): U => {
    let step = part.next(undefined)
    while (!step.done) {
      const { value } = step
      if (value.kind === 'call') {
        calls.push(value.call)
        step = part.next(reply(value.call))
        continue
      }
      if (value.kind === 'emit') emitted.push(value.value)
      if (value.kind === 'pause') pauses += 1
      if (value.kind === 'all') for (const child of value.programs) run(child)
      step = part.next(undefined)
    }
    return step.value
  }
  return { outcome: run(program), calls, emitted, pauses }
}
