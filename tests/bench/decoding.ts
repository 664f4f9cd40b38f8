// Knows: how the programs that write the same model's text are measured side by side: the same prompts, turn by turn, and that a program
// which writes something else is no peer.
import { medianOf, type Measured, type PartAnswer, type Ratio } from './measure.ts'
import { readPrompts, type Prompts } from './prompts.ts'
import { installWriters, openProgram, type Name, type Program } from './writers/programs.ts'
import type { Order, Settings, Told } from './writers/writer.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const THREADS = 2
const ROWS = 8
const CONTEXT = 1024
/** Turns of each program; tokens of each of eight prompts, of the long one, and written behind each prompt's first. */
export interface Sizes {
  readonly turns: number
  readonly prompt: number
  readonly longPrompt: number
  readonly written: number
  /** Tokens of each of eight prompts, and behind them, with which the fastest settings are found. */
  readonly probe: { readonly prompt: number; readonly written: number }
}
const SIZES: Sizes = {
  turns: 3,
  prompt: 200,
  longPrompt: 512,
  written: 64,
  probe: { prompt: 64, written: 16 },
}
/**
 * Rows, of eight, that must begin with the same tokens as ours, and how many: another model would differ at once. Not more, because
 * llama.cpp rounds what it multiplies with 4-bit weights to 8 bits, which decides near ties otherwise within some tokens.
 */
const [SAME_ROWS, SAME_TOKENS] = [6, 4]

/** Settings that each program is tried with: the fastest is measured. Those not named are its own defaults. */
const CHOICES: Readonly<Record<Name, readonly Settings[]>> = {
  ours: [{}],
  wllama: [
    { flash_attn: true, kv_unified: false },
    { flash_attn: false, kv_unified: false },
    { flash_attn: true, kv_unified: true },
  ],
  native: [{ flashAttention: true }, { flashAttention: false }],
}

/** What is measured of each, in tokens a second. */
const FIGURES = [
  'writing eight rows',
  'writing one row',
  'reading eight prompts',
  'reading one long prompt',
] as const
type Figure = (typeof FIGURES)[number]

interface Runner {
  readonly name: Name
  program: Program | undefined
  fault: string | undefined
  readonly rates: Record<Figure, number[]>
  told: Told | undefined
}

const begin = (name: Name): Runner => ({
  name,
  program: undefined,
  fault: undefined,
  told: undefined,
  rates: {
    'writing eight rows': [],
    'writing one row': [],
    'reading eight prompts': [],
    'reading one long prompt': [],
  },
})

/** One turn of one program. A row's rate is of the tokens behind the moment at which all rows had begun. */
async function takeTurn(
  runner: Runner,
  program: Program,
  prompts: Prompts,
  { prompt, longPrompt, written: tokensWritten }: Sizes,
): Promise<void> {
  const { rates } = runner
  const texts = prompts.cut(ROWS, prompt)
  const ask = async (asked: readonly string[], tokens: number): Promise<Told> => {
    const order: Order = { prompts: asked, tokens, reuse: false }
    const told = await program.write(order)
    const expected = asked.reduce(
      (sum, text) => sum + prompts.tokenizer.encode(text, { special: false }).length,
      0,
    )
    if (told.promptTokens !== expected)
      throw new Error(`it read ${told.promptTokens} tokens where the prompts have ${expected}`)
    return told
  }
  const written = (told: Told): number => ((told.tokens - told.from.tokens) * 1000) / (told.ms - told.from.ms)
  const eight = await ask(texts, tokensWritten + 1)
  rates['writing eight rows'].push(written(eight))
  rates['reading eight prompts'].push((eight.promptTokens * 1000) / eight.firstMs)
  runner.told = eight
  rates['writing one row'].push(written(await ask(texts.slice(0, 1), tokensWritten + 1)))
  const long = await ask(prompts.cut(1, longPrompt), 1)
  rates['reading one long prompt'].push((long.promptTokens * 1000) / long.ms)
}

/** Keeps a program's fault instead of breaking the others' measurement. */
async function attempt(runner: Runner, work: () => Promise<void>): Promise<void> {
  try {
    if (runner.fault === undefined) await work()
  } catch (thrown) {
    runner.fault = thrown instanceof Error ? thrown.message : String(thrown)
  }
}

/** Tokens with which two texts begin alike. */
function sameBeginning(prompts: Prompts, a: string, b: string): number {
  const [ours, theirs] = [
    prompts.tokenizer.encode(a, { special: false }),
    prompts.tokenizer.encode(b, { special: false }),
  ]
  const differs = ours.findIndex((token, i) => token !== theirs[i])
  return differs < 0 ? ours.length : differs
}

/** Opens a program with the settings that write a few short rows in the least time, where it has a choice. */
async function openFastest(name: Name, prompts: Prompts, probe: Sizes['probe']): Promise<Program> {
  const order: Order = { prompts: prompts.cut(ROWS, probe.prompt), tokens: probe.written, reuse: false }
  const open = (settings: Settings): Promise<Program> =>
    openProgram(name, { rows: ROWS, context: CONTEXT, threads: THREADS, file: FILE, settings })
  let fastest: { readonly settings: Settings; readonly ms: number } | undefined
  const choices = CHOICES[name]
  for (const settings of choices.length > 1 ? choices : []) {
    const program = await open(settings)
    try {
      await program.write({ ...order, tokens: 1 })
      const { ms } = await program.write(order)
      if (fastest === undefined || ms < fastest.ms) fastest = { settings, ms }
    } finally {
      await program.close()
    }
  }
  const program = await open(fastest?.settings ?? {})
  await program.write({ ...order, tokens: 1 }) // the first run of a session makes its buffers
  return program
}

export async function measureDecoding(sizes: Sizes = SIZES): Promise<PartAnswer> {
  const prompts = await readPrompts(FILE)
  const there = await installWriters()
  const runners = [...there].map(begin)
  try {
    for (const runner of runners) {
      await attempt(runner, async () => {
        runner.program = await openFastest(runner.name, prompts, sizes.probe)
      })
    }
    for (let turn = 0; turn < sizes.turns; turn += 1) {
      for (const runner of runners)
        await attempt(runner, async () => runner.program && takeTurn(runner, runner.program, prompts, sizes))
    }
  } finally {
    for (const { program } of runners) await program?.close()
  }
  return report(runners, prompts, sizes)
}

/** How a program's texts compare with ours; its fault where they are others. */
function compareTexts(runner: Runner, ours: Runner, prompts: Prompts, written: number): string {
  const lengths = (runner.told?.texts ?? []).map((text, row) =>
    sameBeginning(prompts, ours.told?.texts[row] ?? '', text),
  )
  const wanted = Math.min(SAME_TOKENS, written)
  const same = lengths.filter((length) => length >= wanted).length
  if (!(same >= SAME_ROWS))
    runner.fault ??= `it writes something else: only ${same} of ${ROWS} rows begin with the same ${wanted} tokens as ours`
  return `begins as ours for ${lengths.toSorted((a, b) => a - b).join(', ')} tokens`
}

function report(
  runners: readonly Runner[],
  prompts: Prompts,
  { turns, prompt, longPrompt, written }: Sizes,
): PartAnswer {
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  const [ours] = runners as [Runner, ...Runner[]]
  const rate = (runner: Runner, figure: Figure): number => medianOf(runner.rates[figure])
  for (const runner of runners) {
    const alike =
      runner === ours
        ? `${ours.told?.tokens ?? 0} tokens written of eight rows`
        : `${runner.told?.tokens ?? 0} written; ${compareTexts(runner, ours, prompts, written)}`
    if (runner.fault !== undefined) {
      measured.push({
        what: runner.name,
        value: Number.NaN,
        unit: 'tokens/s',
        how: `not measured: ${runner.fault.split('\n')[0] ?? ''}`,
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
            ? `${runner.program?.about ?? ''}; ${written} tokens behind ${prompt}, greedy, the middle of ${turns}; the long prompt has ${longPrompt}; ${alike}`
            : '',
      })
  }
  const goals: Partial<Record<Name, string>> = { wllama: ' (goal 10)', native: ' (goal 1.5)' }
  for (const runner of runners.filter(
    (one) => one !== ours && one.fault === undefined && ours.fault === undefined,
  )) {
    for (const figure of FIGURES)
      ratios.push({
        what: `ours against ${runner.name}, ${figure}${figure === FIGURES[0] ? (goals[runner.name] ?? '') : ''}`,
        ratio: rate(ours, figure) / rate(runner, figure),
      })
    ratios.push({
      what: `ours, writing eight rows, against ${runner.name} one after another`,
      ratio: rate(ours, FIGURES[0]) / rate(runner, 'writing one row'),
    })
  }
  return { measured, ratios }
}
