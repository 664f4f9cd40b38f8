// Knows: how the claims of the engine are tested one after another on this machine.
import type { Backend } from '../../src/domain/machine.ts'
import { listClaims, tryClaim } from '../../src/engine/checks/index.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { SelfCheckEvent, SelfCheckSummary } from '../../src/protocol/student.ts'
import { yieldToMessages } from './yield-to-messages.ts'

/** Tests every claim on the backend, a graphics card against wasm; each result is an event. A failing claim does not stop the others. */
export async function selfCheck(
  backend: Backend,
  { signal, emit }: Call<SelfCheckEvent>,
  open: (backend: Backend) => Promise<Runtime>,
): Promise<SelfCheckSummary> {
  const reference = backend === 'wasm' ? undefined : await open('wasm')
  const machine = { runtime: await open(backend), ...(reference ? { reference } : {}) }
  const claims = listClaims(machine)
  let failed = 0
  for (const [done, claim] of claims.entries()) {
    await yieldToMessages()
    signal.throwIfAborted()
    const result = await tryClaim(claim, machine)
    if (!result.ok) failed++
    emit({ done: done + 1, total: claims.length, result })
  }
  return { tried: claims.length, failed, threads: machine.runtime.threads }
}
