// Knows: whether the memory of a teacher stays constant over thousands of completions: the real worker, called through its port, and all
// memory of the page and its workers as the browser reports it after garbage collection.
import { connect } from '../../../src/protocol/channel.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import type { PartResult } from '../measure.ts'

const COMPLETIONS = 10_000
const EACH = 1_000
/** Requests per call: the queue of a run is longer than a batch. */
const PER_CALL = 100
const MAX_TOKENS = 8

interface PerformanceWithMemory {
  measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }>
}

/** Bytes of the page, its workers and wasm heaps; the browser collects garbage before it reports. */
const readMemory = async (): Promise<number> =>
  (await (performance as unknown as PerformanceWithMemory).measureUserAgentSpecificMemory()).bytes // Chromium only, on an isolated page

/** The built-in teacher: prompts with one of three rubrics or none, some sent twice, so that prefixes are shared, cached and evicted. */
export async function measureMemory(): Promise<PartResult> {
  const { remote, close } = connect<TeacherContract>(
    new Worker(new URL('../../../workers/teacher.ts', import.meta.url), { type: 'module' }),
  )
  await remote.load({
    source: { kind: 'built-in', url: new URL('/models/corner-shop.gguf', location.href).href },
    backend: 'wasm',
    keep: false,
    contextLength: 256,
  })
  const samples: number[] = []
  const from = performance.now()
  let ended = 0
  for (let done = 0; done < COMPLETIONS;) {
    const requests = Array.from({ length: PER_CALL }, (_, i) => {
      const number = done + i
      const rubric =
        number % 4 === 3
          ? ''
          : `Rubric ${number % 4} of week ${Math.floor(number / 500)}, which says at some length what a good answer in this shop is. `
      return {
        id: `${number}`,
        input: {
          kind: 'raw' as const,
          text: `${rubric}Apples cost ${number % 10 === 0 ? 1 : number} cents. How much are three?`,
        },
        sampling: {
          temperature: 0.8,
          topK: 0,
          topP: 0.95,
          minP: 0,
          repetitionPenalty: 1.1,
          maxTokens: MAX_TOKENS,
          stop: [],
          rngSeed: `${number}`,
        },
      }
    })
    await remote.complete(
      { requests, partials: true },
      { onEvent: ({ kind }) => (kind === 'completion' ? void (ended += 1) : undefined) },
    )
    done += PER_CALL
    if (done % EACH === 0) samples.push(await readMemory())
  }
  const seconds = (performance.now() - from) / 1000
  close('measured')
  const [first = Number.NaN, last = Number.NaN] = [samples[0], samples.at(-1)]
  return {
    measured: [
      {
        what: 'memory of the page and its teacher after 10,000 completions',
        value: last / 1e6,
        unit: 'MB',
        how: `the built-in teacher, ${ended} completions of up to ${MAX_TOKENS} tokens in ${Math.round(seconds)} s; after each 1,000: ${samples.map((bytes) => (bytes / 1e6).toFixed(1)).join(', ')}`,
      },
    ],
    ratios: [{ what: 'memory after 10,000 completions relative to after 1,000', ratio: last / first }],
  }
}
