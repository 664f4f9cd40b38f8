// Knows: which parts are measured in a worker.
import type { Part, PartResult } from '../measure.ts'

async function measurePart(part: Part): Promise<PartResult> {
  if (part === 'training') return (await import('./training-part.ts')).measureTraining()
  if (part === 'lora') return (await import('./lora-part.ts')).measureLora()
  if (part === 'generation') return (await import('./teacher-part.ts')).measureGeneration()
  if (part === 'judging') return (await import('./judging-part.ts')).measureJudging()
  if (part === 'endurance') return (await import('./endurance-part.ts')).measureEndurance()
  if (part === 'losses') return (await import('./losses-part.ts')).measureLosses()
  if (part === 'storage') return (await import('./storage-part.ts')).measureStorage()
  throw new RangeError(`There is no part called ${part}.`)
}

globalThis.addEventListener('message', ({ data }: MessageEvent<Part>) => {
  measurePart(data).then(
    (result) => postMessage(result),
    (thrown: unknown) =>
      postMessage({ error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }),
  )
})
