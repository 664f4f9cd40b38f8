// Knows: what memory a loaded model takes, ours and others', each in a process of its own: by what Linux says of that process.
import type { WeightForm } from '../../src/domain/model.ts'
import type { Measured, PartAnswer, Ratio } from './measure.ts'
import { canTellMemory, memoryOf, type ProcessMemory } from './process-memory.ts'
import { readPrompts } from './prompts.ts'
import { installWriters, openProgram, type Name } from './writers/programs.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
/** Room for eight rows of 512 tokens, which wllama and node-llama-cpp take when they open, and ours as rows grow. */
const [ROWS, CONTEXT] = [8, 512]
/** Tokens of each of eight prompts, and written behind them. */
export interface LoadingSizes {
  readonly prompt: number
  readonly written: number
}
const SIZES: LoadingSizes = { prompt: 200, written: 8 }
const THREADS = 2
/** After which what was given back has been collected. */
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

/** Undefined, with a line that says why, where the machine does not tell what a process takes. */
export async function measureLoading({ prompt, written: fresh }: LoadingSizes = SIZES): Promise<
  PartAnswer | undefined
> {
  if (!canTellMemory) {
    console.log(
      'loading: not measured. What a process takes is read from /proc, which this system does not have.',
    )
    return undefined
  }
  const { parameters, cut } = await readPrompts(FILE)
  const there = await installWriters()
  const measured: Measured[] = []
  const loaded = new Map<string, ProcessMemory>()
  for (const { name, weights } of CASES.filter((one) => there.has(one.name))) {
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
      await program.write({ prompts: cut(ROWS, prompt), tokens: fresh, reuse: false })
      await rest()
      const written = memoryOf(await program.processes())
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
      add('loaded, at most', opened.peak, '')
      add('eight rows written, at rest', written.resting, `, ${prompt} and ${fresh} tokens each`)
      add('eight rows written, at most', written.peak, '')
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
              what: `memory of a loaded model at rest, ${ours} against ${other}`,
              ratio: a.resting / b.resting,
            },
          ]
    }),
  )
  return { measured, ratios }
}
