// Knows: that our own teacher writes in a worker of this page.
import type { Answer, Question } from './ours-worker.ts'
import { offerWriter } from './writer-page.ts'

const worker = new Worker(new URL('./ours-worker.ts', import.meta.url), { type: 'module' })

const ask = (question: Question): Promise<Answer> =>
  new Promise((resolve) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => resolve(data), { once: true })
    worker.addEventListener(
      'error',
      ({ message }) => resolve({ broken: message || 'the worker did not start' }),
      { once: true },
    )
    worker.postMessage(question)
  })

const sentenceOf = (answer: Answer): string =>
  'broken' in answer ? answer.broken : 'It answered another question.'

offerWriter(async (opening) => {
  const opened = await ask({ open: opening })
  if (!('about' in opened)) throw new Error(sentenceOf(opened))
  return {
    about: opened.about,
    write: async (order) => {
      const written = await ask({ write: order })
      if (!('told' in written)) throw new Error(sentenceOf(written))
      return written.told
    },
  }
})
