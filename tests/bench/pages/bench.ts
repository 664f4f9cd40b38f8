// Knows: that each part runs in a fresh worker, and that its result is a global variable. A part with workers of its own runs on the page.
import type { Part, PartResult } from '../measure.ts'

declare global {
  var benchResult: PartResult | { readonly error: string } | undefined
}

const part = (new URLSearchParams(location.search).get('part') ?? '') as Part // an unknown part results in an error
if (part === 'memory') {
  const { measureMemory } = await import('./memory-part.ts')
  globalThis.benchResult = await measureMemory().catch((thrown: unknown) => ({
    error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  }))
} else {
  const worker = new Worker(new URL('./bench-worker.ts', import.meta.url), { type: 'module' })
  worker.addEventListener(
    'message',
    ({ data }: MessageEvent<PartResult | { error: string }>) => (globalThis.benchResult = data),
  )
  worker.addEventListener('error', ({ message }) => (globalThis.benchResult = { error: message }))
  worker.postMessage(part)
}
