// Knows: that the claims of the self-check hold in the browser. On the software graphics card, a hundred times slower than a real one,
// without those on whole trainings, which training-checks.ts tries with fewer steps.
import { listClaims, tryClaim } from '../../../src/engine/checks/index.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Check } from './check.ts'

export async function runClaimChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const runtime = await openRuntime({ backend, forbidFallback: true })
  const claims = listClaims({ runtime }).filter(({ group }) => backend === 'wasm' || group !== 'training')
  const checks: Check[] = []
  for (const claim of claims) {
    const { name, ok, difference, bound, fault } = await tryClaim(claim, { runtime })
    checks.push({
      name,
      ok,
      detail: fault ?? `${difference.toExponential(2)}, at most ${bound.toExponential(0)}`,
    })
  }
  return checks
}
