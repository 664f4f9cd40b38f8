// Knows: how prefill and decode of several programs are compared on the same model file: the same prompts, in alternating rounds; a program
// that generates different text is not compared.
import { medianOf, type Measured, type PartResult, type Ratio } from './measure.ts'
import { readPrompts, type Prompts } from './prompts.ts'
import { installWriters, openProgram, type Name, type Program } from './writers/programs.ts'
import type { GenerationJob, Settings, GenerationResult } from './writers/writer.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const THREADS = 2
const ROWS = 8
const CONTEXT = 1024
/** Rounds; tokens of each of eight prompts and of the long one; tokens generated after the first. */
export interface Sizes {
  readonly rounds: number
  readonly prompt: number
  readonly longPrompt: number
  readonly generated: number
  /** Prompt and generated tokens of each of eight rows when the fastest settings are chosen. */
  readonly probe: { readonly prompt: number; readonly generated: number }
}
const SIZES: Sizes = {
  rounds: 3,
  prompt: 200,
  longPrompt: 512,
  generated: 64,
  probe: { prompt: 64, generated: 16 },
}
/**
 * Rows, of eight, that must start with the same tokens as ours, and how many: another model would differ at once. Not more, because
 * llama.cpp quantizes activations to 8 bits for 4-bit weights, which resolves near ties differently within some tokens.
 */
const [SAME_ROWS, SAME_TOKENS] = [6, 4]

/** Settings to try for each program: the fastest is measured. All others are the program's defaults. */
const VARIANTS: Readonly<Record<Name, readonly Settings[]>> = {
  ours: [{}],
  wllama: [
    { flash_attn: true, kv_unified: false },
    { flash_attn: false, kv_unified: false },
    { flash_attn: true, kv_unified: true },
  ],
  native: [{ flashAttention: true }, { flashAttention: false }],
}

/** Measured rates in tokens/s. */
const FIGURES = [
  'decode, batch 8',
  'decode, batch 1',
  'prefill, batch 8',
  'prefill, one long prompt',
] as const
type Figure = (typeof FIGURES)[number]

interface Runner {
  readonly name: Name
  program: Program | undefined
  error: string | undefined
  readonly rates: Record<Figure, number[]>
  result: GenerationResult | undefined
}

const makeRunner = (name: Name): Runner => ({
  name,
  program: undefined,
  error: undefined,
  result: undefined,
  rates: {
    'decode, batch 8': [],
    'decode, batch 1': [],
    'prefill, batch 8': [],
    'prefill, one long prompt': [],
  },
})

/** One round of one program. The decode rate counts tokens after the moment at which all rows have started. */
async function runRound(
  runner: Runner,
  program: Program,
  prompts: Prompts,
  { prompt, longPrompt, generated }: Sizes,
): Promise<void> {
  const { rates } = runner
  const texts = prompts.cut(ROWS, prompt)
  const generate = async (batch: readonly string[], tokens: number): Promise<GenerationResult> => {
    const job: GenerationJob = { prompts: batch, tokens, reuse: false }
    const result = await program.generate(job)
    const expected = batch.reduce(
      (sum, text) => sum + prompts.tokenizer.encode(text, { special: false }).length,
      0,
    )
    if (result.promptTokens !== expected)
      throw new Error(`it counted ${result.promptTokens} prompt tokens, and the prompts have ${expected}`)
    return result
  }
  const decodeRate = ({ tokens, ms, from }: GenerationResult): number =>
    ((tokens - from.tokens) * 1000) / (ms - from.ms)
  const eight = await generate(texts, generated + 1)
  rates['decode, batch 8'].push(decodeRate(eight))
  rates['prefill, batch 8'].push((eight.promptTokens * 1000) / eight.firstMs)
  runner.result = eight
  rates['decode, batch 1'].push(decodeRate(await generate(texts.slice(0, 1), generated + 1)))
  const long = await generate(prompts.cut(1, longPrompt), 1)
  rates['prefill, one long prompt'].push((long.promptTokens * 1000) / long.ms)
}

/** Records a program's error, so that the others are still measured. */
async function attempt(runner: Runner, work: () => Promise<void>): Promise<void> {
  try {
    if (runner.error === undefined) await work()
  } catch (thrown) {
    runner.error = thrown instanceof Error ? thrown.message : String(thrown)
  }
}

/** Number of shared first tokens of two texts. */
function countSharedTokens(prompts: Prompts, a: string, b: string): number {
  const [ours, theirs] = [
    prompts.tokenizer.encode(a, { special: false }),
    prompts.tokenizer.encode(b, { special: false }),
  ]
  const differs = ours.findIndex((token, i) => token !== theirs[i])
  return differs < 0 ? ours.length : differs
}

/** Opens a program with the settings that generate a few short rows fastest, if there are several. */
async function openFastest(name: Name, prompts: Prompts, probe: Sizes['probe']): Promise<Program> {
  const job: GenerationJob = {
    prompts: prompts.cut(ROWS, probe.prompt),
    tokens: probe.generated,
    reuse: false,
  }
  const open = (settings: Settings): Promise<Program> =>
    openProgram(name, { rows: ROWS, context: CONTEXT, threads: THREADS, file: FILE, settings })
  let fastest: { readonly settings: Settings; readonly ms: number } | undefined
  const variants = VARIANTS[name]
  for (const settings of variants.length > 1 ? variants : []) {
    const program = await open(settings)
    try {
      await program.generate({ ...job, tokens: 1 })
      const { ms } = await program.generate(job)
      if (fastest === undefined || ms < fastest.ms) fastest = { settings, ms }
    } finally {
      await program.close()
    }
  }
  const program = await open(fastest?.settings ?? {})
  await program.generate({ ...job, tokens: 1 }) // the first run of a session allocates its buffers
  return program
}

export async function measureDecoding(sizes: Sizes = SIZES): Promise<PartResult> {
  const prompts = await readPrompts(FILE)
  const available = await installWriters()
  const runners = [...available].map(makeRunner)
  try {
    for (const runner of runners) {
      await attempt(runner, async () => {
        runner.program = await openFastest(runner.name, prompts, sizes.probe)
      })
    }
    for (let round = 0; round < sizes.rounds; round += 1) {
      for (const runner of runners)
        await attempt(runner, async () => runner.program && runRound(runner, runner.program, prompts, sizes))
    }
  } finally {
    for (const { program } of runners) await program?.close()
  }
  return report(runners, prompts, sizes)
}

/** Compares a program's texts with ours; sets its error if they differ. */
function compareTexts(runner: Runner, ours: Runner, prompts: Prompts, generated: number): string {
  const lengths = (runner.result?.texts ?? []).map((text, row) =>
    countSharedTokens(prompts, ours.result?.texts[row] ?? '', text),
  )
  const required = Math.min(SAME_TOKENS, generated)
  const same = lengths.filter((length) => length >= required).length
  if (!(same >= SAME_ROWS))
    runner.error ??= `it generates different text: only ${same} of ${ROWS} rows start with the same ${required} tokens as ours`
  return `equals ours for the first ${lengths.toSorted((a, b) => a - b).join(', ')} tokens`
}

function report(
  runners: readonly Runner[],
  prompts: Prompts,
  { rounds, prompt, longPrompt, generated }: Sizes,
): PartResult {
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  const [ours] = runners as [Runner, ...Runner[]]
  const rate = (runner: Runner, figure: Figure): number => medianOf(runner.rates[figure])
  for (const runner of runners) {
    const comparison =
      runner === ours
        ? `${ours.result?.tokens ?? 0} tokens generated with batch size 8`
        : `${runner.result?.tokens ?? 0} generated; ${compareTexts(runner, ours, prompts, generated)}`
    if (runner.error !== undefined) {
      measured.push({
        what: runner.name,
        value: Number.NaN,
        unit: 'tokens/s',
        how: `not measured: ${runner.error.split('\n')[0] ?? ''}`,
      })
      continue
    }
    for (const figure of FIGURES)
      measured.push({
        what: `${runner.name}, ${figure}`,
        value: rate(runner, figure),
        unit: 'tokens/s',
        how:
          figure === FIGURES[0]
            ? `${runner.program?.about ?? ''}; ${generated} tokens after prompts of ${prompt}, greedy, median of ${rounds}; the long prompt has ${longPrompt}; ${comparison}`
            : '',
      })
  }
  const goals: Partial<Record<Name, string>> = { wllama: ' (goal 10)', native: ' (goal 1.5)' }
  for (const runner of runners.filter(
    (one) => one !== ours && one.error === undefined && ours.error === undefined,
  )) {
    for (const figure of FIGURES)
      ratios.push({
        what: `ours relative to ${runner.name}, ${figure}${figure === FIGURES[0] ? (goals[runner.name] ?? '') : ''}`,
        ratio: rate(ours, figure) / rate(runner, figure),
      })
    ratios.push({
      what: `ours, decode, batch 8, relative to ${runner.name}, batch 1`,
      ratio: rate(ours, FIGURES[0]) / rate(runner, 'decode, batch 1'),
    })
  }
  return { measured, ratios }
}
