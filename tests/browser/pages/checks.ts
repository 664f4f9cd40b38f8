// Knows: that checks run in a worker, as the engine does, and where their response is left for the test to read.
import type { ChecksResponse, ChecksRequest } from './check.ts'

declare global {
  var checksResponse: ChecksResponse | undefined
}

const query = new URLSearchParams(location.search)
const worker = new Worker(new URL('./checks-worker.ts', import.meta.url), { type: 'module' })
worker.addEventListener(
  'message',
  ({ data }: MessageEvent<ChecksResponse>) => (globalThis.checksResponse = data),
)
worker.addEventListener(
  'error',
  ({ message }) => (globalThis.checksResponse = { error: `the worker failed: ${message}` }),
)
worker.postMessage({ kind: query.get('kind'), backend: query.get('backend') } as ChecksRequest) // a wrong kind fails in the worker
