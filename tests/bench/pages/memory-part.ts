// Knows: whether the memory of a teacher that writes thousands of answers stays where it is: the real worker, asked through its port,
// and all memory of the page and its workers as the browser tells it after a collection of garbage.
import { connect } from '../../../src/protocol/channel.ts'
import type { TeacherContract } from '../../../src/protocol/teacher.ts'
import type { PartAnswer } from '../measure.ts'

const COMPLETIONS = 10_000
const EACH = 1_000
/** Of an ask: the queue of a run is longer than a batch. */
const PER_ASK = 100
const MOST_TOKENS = 8

interface MemoryTeller {
  measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }>
}

/** Bytes of all realms of the page, wasm heaps and workers included; the browser collects garbage before it tells. */
const tellMemory = async (): Promise<number> =>
  (await (performance as unknown as MemoryTeller).measureUserAgentSpecificMemory()).bytes // Chromium's, where the page is isolated

/** The teacher in the box: prompts of three rubrics and of none, some asked twice, so that beginnings are shared, kept and let go. */
export async function measureMemory(): Promise<PartAnswer> {
  const { remote, close } = connect<TeacherContract>(
    new Worker(new URL('../../../workers/teacher.ts', import.meta.url), { type: 'module' }),
  )
  await remote.load({
    source: { kind: 'box', url: new URL('/models/corner-shop.gguf', location.href).href },
    backend: 'wasm',
    keep: false,
    contextLength: 256,
  })
  const told: number[] = []
  const from = performance.now()
  let ended = 0
  for (let done = 0; done < COMPLETIONS;) {
    const requests = Array.from({ length: PER_ASK }, (_, i) => {
      const number = done + i
      const rubric =
        number % 4 === 3
          ? ''
          : `Rubric ${number % 4} of week ${Math.floor(number / 500)}, which says at some length what a good answer in this shop is. `
      return {
        id: `${number}`,
        asked: {
          kind: 'raw' as const,
          text: `${rubric}Apples cost ${number % 10 === 0 ? 1 : number} cents. How much are three?`,
        },
        sampling: {
          temperature: 0.8,
          topK: 0,
          topP: 0.95,
          minP: 0,
          repetitionPenalty: 1.1,
          maxTokens: MOST_TOKENS,
          stop: [],
          rngSeed: `${number}`,
        },
      }
    })
    await remote.complete(
      { requests, partials: true },
      { onEvent: ({ kind }) => (kind === 'completion' ? void (ended += 1) : undefined) },
    )
    done += PER_ASK
    if (done % EACH === 0) told.push(await tellMemory())
  }
  const seconds = (performance.now() - from) / 1000
  close('measured')
  const [first = Number.NaN, last = Number.NaN] = [told[0], told.at(-1)]
  return {
    measured: [
      {
        what: 'memory of the page and its teacher after 10,000 answers',
        value: last / 1e6,
        unit: 'MB',
        how: `the teacher in the box, ${ended} answers of at most ${MOST_TOKENS} tokens in ${Math.round(seconds)} s; after each 1,000: ${told.map((bytes) => (bytes / 1e6).toFixed(1)).join(', ')}`,
      },
    ],
    ratios: [{ what: 'memory after 10,000 answers against after 1,000', ratio: last / first }],
  }
}
