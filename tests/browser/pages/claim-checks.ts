// Knows: that the claims of the self-check hold in the browser. On software WebGPU, a hundred times slower than a real card, it skips the claims on
// whole trainings: training-checks.ts covers them with fewer steps.
import { listClaims, tryClaim } from '../../../src/engine/checks/index.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Check } from './check.ts'

export async function runClaimChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const runtime = await openRuntime({ backend, forbidFallback: true })
  const claims = listClaims({ runtime }).filter(({ group }) => backend === 'wasm' || group !== 'training')
  const checks: Check[] = []
  for (const claim of claims) {
    const { name, ok, difference, bound, error } = await tryClaim(claim, { runtime })
    checks.push({
      name,
      ok,
      detail: error ?? `${difference.toExponential(2)}, max ${bound.toExponential(0)}`,
    })
  }
  return checks
}
