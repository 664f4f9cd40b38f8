// Knows: how much memory a loaded model takes in ours and other programs, each in a process of its own, as Linux reports it.
import type { WeightForm } from '../../src/domain/weight-form.ts'
import type { Measured, PartResult, Ratio } from './measure.ts'
import { canReadMemory, memoryOf, type ProcessMemory } from './process-memory.ts'
import { readPrompts } from './prompts.ts'
import { installWriters, openProgram, type Name } from './writers/programs.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
/** A KV cache for batch size 8 and 512 tokens, which wllama and node-llama-cpp allocate when they open, and ours as rows grow. */
const [ROWS, CONTEXT] = [8, 512]
/** Tokens of each of eight prompts, and generated tokens per prompt. */
export interface LoadingSizes {
  readonly prompt: number
  readonly generated: number
}
const SIZES: LoadingSizes = { prompt: 200, generated: 8 }
const THREADS = 2
/** Time for garbage collection. */
const REST_MS = 5000

interface Case {
  readonly name: Name
  readonly weights?: WeightForm
}
const CASES: readonly Case[] = [
  { name: 'ours', weights: 'f32' },
  { name: 'ours', weights: 'nb4s' },
  { name: 'wllama' },
  { name: 'native' },
]

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, REST_MS))

/** Undefined, after printing why, if the system does not report the memory of processes. */
export async function measureLoading({ prompt, generated }: LoadingSizes = SIZES): Promise<
  PartResult | undefined
> {
  if (!canReadMemory) {
    console.log(
      'loading: not measured. The memory of a process is read from /proc, which this system does not have.',
    )
    return undefined
  }
  const { parameters, cut } = await readPrompts(FILE)
  const installed = await installWriters()
  const measured: Measured[] = []
  const loaded = new Map<string, ProcessMemory>()
  for (const { name, weights } of CASES.filter((one) => installed.has(one.name))) {
    const title = weights === undefined ? name : `${name}, ${weights}`
    try {
      const program = await openProgram(name, {
        rows: ROWS,
        context: CONTEXT,
        threads: THREADS,
        file: FILE,
        ...(weights === undefined ? {} : { weights }),
      })
      await rest()
      const opened = memoryOf(await program.processes())
      await program.generate({ prompts: cut(ROWS, prompt), tokens: generated, reuse: false })
      await rest()
      const afterwards = memoryOf(await program.processes())
      await program.close()
      loaded.set(title, opened)
      const add = (what: string, bytes: number, how: string): void =>
        void measured.push({
          what: `${title}: ${what}`,
          value: bytes / parameters,
          unit: 'B/param',
          how: `${Math.round(bytes / 1e6).toLocaleString('en')} MB${how}`,
        })
      add(
        'loaded, at rest',
        opened.resting,
        `; ${program.about}, loaded in ${(program.openedIn / 1000).toFixed(1)} s`,
      )
      add('loaded, peak', opened.peak, '')
      add(
        'after generating, batch 8, at rest',
        afterwards.resting,
        `, prompts of ${prompt} tokens and ${generated} generated tokens each`,
      )
      add('after generating, batch 8, peak', afterwards.peak, '')
    } catch (thrown) {
      measured.push({
        what: title,
        value: Number.NaN,
        unit: 'B/param',
        how: `not measured: ${thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)}`,
      })
    }
  }
  const ratios = ['ours, f32', 'ours, nb4s'].flatMap((ours) =>
    ['wllama', 'native'].flatMap((other): Ratio[] => {
      const [a, b] = [loaded.get(ours), loaded.get(other)]
      return a === undefined || b === undefined
        ? []
        : [
            {
              what: `memory of a loaded model at rest, ${ours} relative to ${other}`,
              ratio: a.resting / b.resting,
            },
          ]
    }),
  )
  return { measured, ratios }
}
