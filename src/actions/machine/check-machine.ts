// Knows: how training is verified on this machine: every claim checked, the results as they arrive.
// Must not know: the claims.
import type { MachineCheck } from '../../domain/machine-check.ts'
import type { Backend } from '../../domain/machine.ts'
import type { SelfCheckSummary } from '../../protocol/student.ts'
import { CANCEL_PATIENCE } from '../../protocol/contract.ts'
import { textDownload } from '../exports/downloads.ts'
import type { Download, Machines } from '../machines.ts'
import { streamProgress } from '../stream-progress.ts'

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

/** Checks every claim. Throws the machine's error if it cannot be opened, and an AbortError when stopped. */
export async function* checkMachine(
  { student }: Pick<Machines, 'student'>,
  backend: Backend,
  signal: AbortSignal,
): AsyncGenerator<CheckProgress, CheckedMachine> {
  const abort = new AbortController()
  let results: readonly MachineCheck[] = []
  const summary = yield* streamProgress<CheckProgress, SelfCheckSummary>(
    (report) =>
      student.check(
        { backend },
        {
          signal: AbortSignal.any([signal, abort.signal]),
          patience: CANCEL_PATIENCE,
          onEvent: ({ done, total, result }) => {
            results = [...results, result]
            report({ done, total, results })
          },
        },
      ),
    () => abort.abort(),
  )
  return { ...summary, backend, results }
}

/** The results as a text file to keep or send: one line per claim. */
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
    ({ group, name, ok, difference, bound, error }) =>
      `${ok ? 'holds' : 'FAILS'}  ${group}: ${name}: ${error ?? `${difference.toExponential(1)}, max ${bound.toExponential(0)}`}`,
  )
  return textDownload('retort-self-check.txt', `${[...head, ...lines].join('\n')}\n`, 'text/plain')
}
