// Knows: a run over a store in memory that survives its death, as the database does: what was committed stays, in its order; a death comes
// before any commit. No timer, no database: a hundred runs take a second.
import { RunControl } from '../../../src/actions/control.ts'
import { Executor } from '../../../src/actions/executing/executor.ts'
import { MemoryRun } from '../../../src/actions/executing/memory-run.ts'
import type { Journal, ModelBatch, ModelResult, Models } from '../../../src/actions/executing/ports.ts'
import type { RunStore } from '../../../src/actions/executing/run-store.ts'
import { LiveRun } from '../../../src/actions/run/live-run.ts'
import type { RunContext } from '../../../src/actions/run/run-context.ts'
import { runPhases } from '../../../src/actions/run/run-phases.ts'
import { contentId, type RowId } from '../../../src/domain/id.ts'
import type { Preference } from '../../../src/domain/preference.ts'
import type { Prompt } from '../../../src/domain/prompt.ts'
import type { CheckedRecipe } from '../../../src/domain/recipe.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { makeRng, shuffle, type Rng } from '../../../src/domain/rng.ts'
import type { Row } from '../../../src/domain/row.ts'
import type { FunnelBar, JudgeProbe } from '../../../src/domain/run.ts'
import type { Seed } from '../../../src/domain/seed.ts'
import { FunnelTally } from '../../../src/pipeline/funnel.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { DESCRIPTION, logProbsFor, textFor, vectorFor } from '../../stand-ins/teacher.ts'
import { Killed, poolsStandIn, type Mishap } from '../executing/stand-ins.ts'
import { SEEDS } from '../small-project.ts'

const projectId = contentId('project', 'durable')
const runId = contentId('run', 'durable')

/** Seeds with answers, so that steps which need one have it. */
export const DURABLE_SEEDS: readonly Seed[] = SEEDS.map((text, i) => ({
  projectId,
  id: contentId('seed', text),
  text,
  ...(i === 1 ? {} : { answer: `Bake it for ${i} minutes.\nAnswer: ${i}` }),
  source: 'typed',
  line: i + 1,
  addedAt: 0,
}))

/** What is stored. */
export class Disk {
  readonly prompts = new Map<string, Prompt>()
  readonly rows = new Map<RowId, Row>()
  readonly done = new Set<string>()
  readonly preferences = new Map<string, Preference>()
  readonly replies = new Map<string, Reply>()
  readonly notes = new Set<string>()
  probe: JudgeProbe | undefined
  /** All that follows from it, in one text: equal runs have equal ones to the byte. */
  contents(recipe: CheckedRecipe): string {
    const tally = new FunnelTally(recipe)
    const prompts = [...this.prompts.values()].toSorted((a, b) => a.order - b.order)
    const rows = [...this.rows.values()].toSorted((a, b) => a.order - b.order)
    for (const prompt of prompts) tally.countPrompt(prompt)
    for (const row of rows) tally.countRow(row)
    const preferences = [...this.preferences.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return JSON.stringify(
      { prompts, rows, preferences, notes: [...this.notes], probe: this.probe, funnel: tally.bars() },
      null,
      1,
    )
  }
}

/** The database and the journal of one life of the page. */
class Session implements RunStore, Journal {
  readonly #disk: Disk
  readonly #killAt: number
  readonly #rng: Rng
  readonly #failure = new AbortController()
  #waiting: (() => void)[] = []
  #bound = 1
  commits = 0

  constructor(disk: Disk, rng: Rng, killAt = Infinity) {
    this.#disk = disk
    this.#rng = rng
    this.#killAt = killAt
  }

  get failed(): AbortSignal {
    return this.#failure.signal
  }
  #add(write: () => void): void {
    this.#waiting.push(write)
    if (this.#waiting.length !== this.#bound) return
    // What is added at once is committed together, as by the writer of a run.
    queueMicrotask(() => {
      this.#commit()
      this.#bound = 1 + this.#rng.below(6)
    })
  }
  #commit(): void {
    const writes = this.#waiting.splice(0)
    if (writes.length === 0 || this.#failure.signal.aborted) return
    this.commits += 1
    if (this.commits > this.#killAt) this.#failure.abort()
    else for (const write of writes) write()
  }
  async drain(): Promise<void> {
    this.#commit()
    if (this.#failure.signal.aborted) throw new Killed('the tab was closed')
  }
  async #now(write: () => void): Promise<void> {
    await this.drain()
    this.#add(write)
    await this.drain()
  }

  read = async (keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> =>
    new Map(
      keys.flatMap((key) => {
        const reply = this.#disk.replies.get(key)
        return reply === undefined ? [] : [[key, reply] as const]
      }),
    )
  record = (key: string, reply: Reply): void =>
    this.#add(() => this.#disk.replies.set(key, structuredClone(reply)))

  async *seeds(): AsyncIterable<readonly Seed[]> {
    yield DURABLE_SEEDS.slice(0, 2)
    yield DURABLE_SEEDS.slice(2)
  }
  prompts = async (): Promise<Prompt[]> =>
    structuredClone([...this.#disk.prompts.values()].toSorted((a, b) => a.order - b.order))
  done = async (): Promise<ReadonlySet<string>> => new Set(this.#disk.done)
  putPrompts = (prompts: readonly Prompt[], done?: string): Promise<void> =>
    this.#now(() => {
      for (const prompt of prompts) this.#disk.prompts.set(prompt.id, structuredClone(prompt))
      if (done !== undefined) this.#disk.done.add(done)
    })
  /** Small pages: a step must not depend on their size. */
  async *rows(pageSize = 3): AsyncIterable<readonly Row[]> {
    for (let last = -1; ;) {
      const page = [...this.#disk.rows.values()]
        .toSorted((a, b) => a.order - b.order)
        .filter(({ order }) => order > last)
        .slice(0, pageSize)
      if (page.length === 0) return
      yield structuredClone(page)
      last = page.at(-1)?.order ?? last
    }
  }
  readRows = async (ids: readonly RowId[]): Promise<readonly Row[]> =>
    structuredClone(ids.flatMap((id) => this.#disk.rows.get(id) ?? []))
  put = (row: Row): void => this.#add(() => this.#disk.rows.set(row.id, structuredClone(row)))
  change = (id: RowId, change: (row: Row) => Row): void =>
    this.#add(() => {
      const row = this.#disk.rows.get(id)
      if (row !== undefined) this.#disk.rows.set(id, structuredClone(change(row)))
    })
  putPreferences = (preferences: readonly Preference[]): Promise<void> =>
    this.#now(() => {
      for (const preference of preferences)
        this.#disk.preferences.set(preference.id, structuredClone(preference))
    })
  addNote = (sentence: string): Promise<void> => this.#now(() => this.#disk.notes.add(sentence))
  probe = async (): Promise<JudgeProbe | undefined> => this.#disk.probe
  putProbe = (probe: JudgeProbe): Promise<void> => this.#now(() => void (this.#disk.probe = probe))
}

/** A machine that responds as the stand-in teacher does, in any order and batch, and can break. */
class Machine implements Models {
  readonly #batch: number
  readonly #rng: Rng
  readonly #mishap: (count: number, contents: string) => Mishap | undefined
  results = 0

  constructor(batch: number, rng: Rng, mishap: (count: number, contents: string) => Mishap | undefined) {
    this.#batch = batch
    this.#rng = rng
    this.#mishap = mishap
  }
  identify = (): string => 'stand-in'
  machineOf = (): string => 'one'
  batchOf = (): number => this.#batch

  async call(batch: ModelBatch, signal: AbortSignal, onResult: (result: ModelResult) => void): Promise<void> {
    const respond = (contents: string, respondTo: (refusal?: string) => ModelResult): void => {
      signal.throwIfAborted()
      const mishap = this.#mishap(this.results, contents)
      if (mishap instanceof Error) throw mishap
      this.results += 1
      onResult(respondTo(mishap?.refusal))
    }
    for (const at of shuffle(
      batch.requests.map((_, i) => i),
      this.#rng,
    )) {
      await Promise.resolve()
      if (batch.kind === 'complete') {
        const request = batch.requests[at]!
        const { id, ...contents } = request
        respond(JSON.stringify(contents), (refusal) => {
          const text = refusal === undefined ? textFor(request) : ''
          return refusal === undefined
            ? { id, text, finishReason: 'end', promptTokens: 1, tokens: text.length }
            : { id, text, finishReason: 'aborted', promptTokens: 1, tokens: 0, refusal }
        })
      } else if (batch.kind === 'embed') {
        const { id, text } = batch.requests[at]!
        respond(JSON.stringify({ text }), (refusal) =>
          refusal === undefined
            ? { id, vector: vectorFor(text) }
            : { id, vector: new Uint16Array(0), refusal },
        )
      } else {
        const request = batch.requests[at]!
        const { id, ...contents } = request
        respond(JSON.stringify(contents), (refusal) =>
          refusal === undefined ? { id, logProbs: logProbsFor(request) } : { id, logProbs: [], refusal },
        )
      }
    }
  }
}

export interface Life {
  readonly recipe: CheckedRecipe
  readonly disk: Disk
  /** Requests per call, and the order of their results. */
  readonly batch?: number
  readonly order?: string
  /** The commit before which the page dies. */
  readonly killAt?: number
  readonly mishap?: (count: number, contents: string) => Mishap | undefined
  readonly control?: RunControl
  /** A trial: nothing of it is stored but its replies. */
  readonly isTrial?: boolean
}

/** One life of a run: until it ends, stops or dies. */
export async function live({
  recipe,
  disk,
  batch = 4,
  order = 'a',
  killAt,
  mishap,
  control,
  isTrial = false,
}: Life): Promise<{
  /** False if it was stopped. */
  readonly finished: boolean
  /** Calls that were made, and those found in the journal. */
  readonly made: number
  readonly replayed: number
  readonly commits: number
  /** The funnel as it was shown at the end. */
  readonly funnel: readonly FunnelBar[]
}> {
  const session = new Session(disk, makeRng(`commits ${order}`), killAt)
  const cast = { teacher: DESCRIPTION }
  const progress = new LiveRun(recipe, cast, () => undefined)
  const executor = new Executor({
    models: new Machine(batch, makeRng(`results ${order}`), mishap ?? (() => undefined)),
    journal: session,
    pools: poolsStandIn,
    control: control ?? new RunControl(),
  })
  const context: RunContext = {
    machines: { now: () => 0 },
    projectId,
    runId: isTrial ? contentId('run', 'trial') : runId,
    recipe,
    steps: readSteps(recipe),
    cast,
    live: progress,
    executor,
    store: isTrial ? new MemoryRun(DURABLE_SEEDS) : session,
    ...(isTrial ? { limit: { rows: 5, rounds: 2 } } : {}),
  }
  const result = await runPhases(context)
  await session.drain()
  return {
    finished: result !== undefined,
    ...executor.counts,
    commits: session.commits,
    funnel: progress.tally.bars(),
  }
}
