// Knows: that our own teacher generates in a worker of this page.
import type { WorkerResponse, WorkerRequest } from './ours-worker.ts'
import { exposeWriter } from './writer-page.ts'

const worker = new Worker(new URL('./ours-worker.ts', import.meta.url), { type: 'module' })

const send = (request: WorkerRequest): Promise<WorkerResponse> =>
  new Promise((resolve) => {
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) => resolve(data), {
      once: true,
    })
    worker.addEventListener(
      'error',
      ({ message }) => resolve({ error: message || 'the worker did not start' }),
      { once: true },
    )
    worker.postMessage(request)
  })

const errorOf = (response: WorkerResponse): string =>
  'error' in response ? response.error : 'It sent the response to another request.'

exposeWriter(async (openOptions) => {
  const opened = await send({ open: openOptions })
  if (!('about' in opened)) throw new Error(errorOf(opened))
  return {
    about: opened.about,
    generate: async (job) => {
      const generated = await send({ generate: job })
      if (!('result' in generated)) throw new Error(errorOf(generated))
      return generated.result
    },
  }
})
