// Knows: which checks there are.
import type { ChecksResponse, ChecksRequest, Check } from './check.ts'

async function runChecks({ kind, backend }: ChecksRequest): Promise<readonly Check[]> {
  if (kind === 'gradients') return (await import('./gradient-checks.ts')).runGradientChecks(backend)
  if (kind === 'training') return (await import('./training-checks.ts')).runTrainingChecks(backend)
  if (kind === 'engine') return (await import('./engine-checks.ts')).runEngineChecks(backend)
  if (kind === 'architectures')
    return (await import('./architecture-checks.ts')).runArchitectureChecks(backend)
  if (kind === 'kernels') return (await import('./kernel-checks.ts')).runKernelChecks()
  if (kind === 'large-model') return (await import('./large-model-checks.ts')).runLargeModelChecks()
  if (kind === 'foreign') return (await import('./foreign-checks.ts')).runForeignChecks(backend)
  if (kind === 'claims') return (await import('./claim-checks.ts')).runClaimChecks(backend)
  if (kind === 'storage') return (await import('./storage-checks.ts')).runStorageChecks()
  if (kind === 'full-disk') return (await import('./storage-checks.ts')).runFullDiskChecks()
  throw new RangeError(`There are no checks called ${kind}.`)
}

globalThis.addEventListener('message', ({ data }: MessageEvent<ChecksRequest>) => {
  runChecks(data).then(
    (checks) => postMessage({ checks } satisfies ChecksResponse),
    (thrown: unknown) =>
      postMessage({
        error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      } satisfies ChecksResponse),
  )
})
