// Knows: that checks run in a worker, as the engine does, and where their answer is left for the test to read.
import type { ChecksAnswer, ChecksAsked } from './check.ts'

declare global {
  var checksAnswer: ChecksAnswer | undefined
}

const query = new URLSearchParams(location.search)
const worker = new Worker(new URL('./checks-worker.ts', import.meta.url), { type: 'module' })
worker.addEventListener('message', ({ data }: MessageEvent<ChecksAnswer>) => (globalThis.checksAnswer = data))
worker.addEventListener(
  'error',
  ({ message }) => (globalThis.checksAnswer = { broken: `the worker broke: ${message}` }),
)
worker.postMessage({ kind: query.get('kind'), backend: query.get('backend') } as ChecksAsked) // a wrong kind is answered as broken
