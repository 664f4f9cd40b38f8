// Knows: how the training is proven on this machine: every claim tried, the results as they come.
// Must not know: what is claimed.
import type { MachineCheck } from '../domain/machine-check.ts'
import type { Backend } from '../domain/model.ts'
import type { SelfCheckSummary } from '../protocol/student.ts'
import { textDownload } from './downloads.ts'
import type { Download, Machines } from './machines.ts'
import { tellProgress } from './tell-progress.ts'

export interface CheckProgress {
  readonly done: number
  readonly total: number
  /** All results so far. */
  readonly results: readonly MachineCheck[]
}
export interface CheckedMachine extends SelfCheckSummary {
  readonly backend: Backend
  readonly results: readonly MachineCheck[]
}

/** Tries every claim. Throws what the machine throws where it cannot even be opened, and an AbortError when stopped. */
export async function* checkMachine(
  { student }: Pick<Machines, 'student'>,
  backend: Backend,
  signal: AbortSignal,
): AsyncGenerator<CheckProgress, CheckedMachine> {
  const abort = new AbortController()
  let results: readonly MachineCheck[] = []
  const summary = yield* tellProgress<CheckProgress, SelfCheckSummary>(
    (tell) =>
      student.check(
        { backend },
        {
          signal: AbortSignal.any([signal, abort.signal]),
          onEvent: ({ done, total, result }) => {
            results = [...results, result]
            tell({ done, total, results })
          },
        },
      ),
    () => abort.abort(),
  )
  return { ...summary, backend, results }
}

/** The results as a text to keep or to send: one line a claim. */
export function writeCheckReport(
  { backend, threads, tried, failed, results }: CheckedMachine,
  agent: string,
  now: number,
): Download {
  const head = [
    `Retort self-check, ${new Date(now).toISOString()}`,
    `${backend === 'wasm' ? `wasm, ${threads} ${threads === 1 ? 'thread' : 'threads'}` : 'WebGPU'}; ${agent}`,
    `${tried - failed} of ${tried} claims hold.`,
    '',
  ]
  const lines = results.map(
    ({ group, name, ok, difference, bound, fault }) =>
      `${ok ? 'holds' : 'FAILS'}  ${group}: ${name}: ${fault ?? `${difference.toExponential(1)}, at most ${bound.toExponential(0)}`}`,
  )
  return textDownload('retort-self-check.txt', `${[...head, ...lines].join('\n')}\n`, 'text/plain')
}
