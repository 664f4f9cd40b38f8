// Knows: how the programs that write the same model's text are measured side by side: the same prompts, turn by turn, and that a program
// which writes something else is no peer.
import { medianOf, type Measured, type PartAnswer, type Ratio } from './measure.ts'
import { readPrompts, type Prompts } from './prompts.ts'
import { installWriters, openProgram, type Name, type Program } from './writers/programs.ts'
import type { Order, Told } from './writers/writer.ts'

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const TURNS = 3
const ROWS = 8
const PROMPT = 200
const LONG_PROMPT = 512
/** The first token of a row belongs to its prompt. */
const NEW = 64
const CONTEXT = 1024
const THREADS = 2
/** Rows, of eight, that must begin with the same tokens as ours, and how many: rounding tells near ties apart, not whole texts. */
const [SAME_ROWS, SAME_TOKENS] = [4, 20]

/** What is measured of each, in tokens a second. */
const FIGURES = ['writing eight rows', 'writing one row', 'reading eight prompts of 200', 'reading one prompt of 512'] as const
type Figure = (typeof FIGURES)[number]

interface Runner {
  readonly name: Name
  program: Program | undefined
  fault: string | undefined
  readonly rates: Record<Figure, number[]>
  told: Told | undefined
}

const begin = (name: Name): Runner => ({ name, program: undefined, fault: undefined, told: undefined, rates: { 'writing eight rows': [], 'writing one row': [], 'reading eight prompts of 200': [], 'reading one prompt of 512': [] } })

/** One turn of one program. A row's rate is of the tokens behind the moment at which all rows had begun. */
async function takeTurn(runner: Runner, program: Program, prompts: Prompts): Promise<void> {
  const { rates } = runner
  const texts = prompts.cut(ROWS, PROMPT)
  const ask = async (asked: readonly string[], tokens: number): Promise<Told> => {
    const order: Order = { prompts: asked, tokens, reuse: false }
    const told = await program.write(order)
    const expected = asked.reduce((sum, text) => sum + prompts.tokenizer.encode(text, { special: false }).length, 0)
    if (told.promptTokens !== expected) throw new Error(`it read ${told.promptTokens} tokens where the prompts have ${expected}`)
    return told
  }
  const written = (told: Told): number => ((told.tokens - told.from.tokens) * 1000) / (told.ms - told.from.ms)
  const eight = await ask(texts, NEW + 1)
  rates['writing eight rows'].push(written(eight))
  rates['reading eight prompts of 200'].push((eight.promptTokens * 1000) / eight.firstMs)
  runner.told = eight
  rates['writing one row'].push(written(await ask(texts.slice(0, 1), NEW + 1)))
  const long = await ask(prompts.cut(1, LONG_PROMPT), 1)
  rates['reading one prompt of 512'].push((long.promptTokens * 1000) / long.ms)
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
  const [ours, theirs] = [prompts.tokenizer.encode(a, { special: false }), prompts.tokenizer.encode(b, { special: false })]
  const differs = ours.findIndex((token, i) => token !== theirs[i])
  return differs < 0 ? ours.length : differs
}

export async function measureDecoding(): Promise<PartAnswer> {
  const prompts = await readPrompts(FILE)
  const there = await installWriters('decoding')
  const runners = [...there].map(begin)
  try {
    for (const runner of runners) {
      await attempt(runner, async () => {
        runner.program = await openProgram(runner.name, { rows: ROWS, context: CONTEXT, threads: THREADS, file: FILE })
        // Warms up; the first run of a session makes its buffers.
        await runner.program.write({ prompts: prompts.cut(ROWS, PROMPT).map((text) => text.slice(0, 60)), tokens: 4, reuse: false })
      })
    }
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const runner of runners) await attempt(runner, async () => runner.program && takeTurn(runner, runner.program, prompts))
    }
  } finally {
    for (const { program } of runners) await program?.close()
  }
  return report(runners, prompts)
}

/** How a program's texts compare with ours; its fault where they are others. */
function compareTexts(runner: Runner, ours: Runner, prompts: Prompts): string {
  const lengths = (runner.told?.texts ?? []).map((text, row) => sameBeginning(prompts, ours.told?.texts[row] ?? '', text))
  const same = lengths.filter((length) => length >= SAME_TOKENS).length
  if (!(same >= SAME_ROWS)) runner.fault ??= `it writes something else: only ${same} of ${ROWS} rows begin with the same ${SAME_TOKENS} tokens as ours`
  return `${same} of ${ROWS} texts begin with the same ${SAME_TOKENS} tokens as ours or more, ${lengths.filter((length) => length >= NEW).length} are the same throughout`
}

function report(runners: readonly Runner[], prompts: Prompts): PartAnswer {
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  const [ours] = runners as [Runner, ...Runner[]]
  const rate = (runner: Runner, figure: Figure): number => medianOf(runner.rates[figure])
  for (const runner of runners) {
    const alike = runner === ours ? `${ours.told?.tokens ?? 0} tokens written of eight rows` : `${runner.told?.tokens ?? 0} written; ${compareTexts(runner, ours, prompts)}`
    if (runner.fault !== undefined) {
      measured.push({ what: runner.name, value: Number.NaN, unit: 'tokens/s', how: `not measured: ${runner.fault.split('\n')[0] ?? ''}` })
      continue
    }
    for (const figure of FIGURES) measured.push({ what: `${runner.name}, ${figure}`, value: rate(runner, figure), unit: 'tokens/s', how: figure === FIGURES[0] ? `${runner.program?.about ?? ''}; ${NEW} tokens behind ${PROMPT}, greedy, the middle of ${TURNS}; ${alike}` : '' })
  }
  const goals: Partial<Record<Name, string>> = { wllama: ' (goal 10)', native: ' (goal 1.5)' }
  for (const runner of runners.filter((one) => one !== ours && one.fault === undefined && ours.fault === undefined)) {
    for (const figure of FIGURES) ratios.push({ what: `ours against ${runner.name}, ${figure}${figure === FIGURES[0] ? (goals[runner.name] ?? '') : ''}`, ratio: rate(ours, figure) / rate(runner, figure) })
    ratios.push({ what: `ours, writing eight rows, against ${runner.name} one after another`, ratio: rate(ours, FIGURES[0]) / rate(runner, 'writing one row') })
  }
  return { measured, ratios }
}
