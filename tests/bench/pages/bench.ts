// Knows: that each part is measured in a fresh worker, and where its answer is left. What has workers of its own is measured on the page.
import type { Part, PartAnswer } from '../measure.ts'

declare global {
  var benchAnswer: PartAnswer | { readonly broken: string } | undefined
}

const part = (new URLSearchParams(location.search).get('part') ?? '') as Part // a wrong part is answered as broken
if (part === 'memory') {
  const { measureMemory } = await import('./memory-part.ts')
  globalThis.benchAnswer = await measureMemory().catch((thrown: unknown) => ({
    broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  }))
} else {
  const worker = new Worker(new URL('./bench-worker.ts', import.meta.url), { type: 'module' })
  worker.addEventListener(
    'message',
    ({ data }: MessageEvent<PartAnswer | { broken: string }>) => (globalThis.benchAnswer = data),
  )
  worker.addEventListener('error', ({ message }) => (globalThis.benchAnswer = { broken: message }))
  worker.postMessage(part)
}
