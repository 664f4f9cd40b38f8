// Knows: large runs on the page's own thread over a real database, with a stand-in for the model: how long its tasks are, how long a
// resume takes, how much memory programs need. The test reads the numbers.
import { RunControl } from '../../../src/actions/control.ts'
import { Executor } from '../../../src/actions/executing/executor.ts'
import type { Models } from '../../../src/actions/executing/ports.ts'
import { StoredJournal } from '../../../src/actions/executing/stored-journal.ts'
import { LiveRun } from '../../../src/actions/run/live-run.ts'
import { RowWriter } from '../../../src/actions/run/row-writer.ts'
import { runPhases } from '../../../src/actions/run/run-phases.ts'
import { storedRun } from '../../../src/actions/run/stored-run.ts'
import { contentId, type RunId } from '../../../src/domain/id.ts'
import { makeProject } from '../../../src/domain/project.ts'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { all, complete, inSlices, score, type Program } from '../../../src/pipeline/programs/program.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { openDatabase, type Database } from '../../../src/storage/database.ts'
import { putProject } from '../../../src/storage/projects.ts'
import { writeRows } from '../../../src/storage/rows.ts'
import { putRun } from '../../../src/storage/runs.ts'
import { putSeeds } from '../../../src/storage/seeds.ts'
import { MemoryJournal } from '../../actions/executing/memory-journal.ts'
import { MODEL } from '../../stand-ins/sample-project.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'

/** A task of the page's thread above 50 ms. */
export interface LongTask {
  readonly ms: number
  /** What the run was doing when it ended. */
  readonly phase: string
}
export interface ScaleResult {
  readonly seconds: number
  readonly longTasks: readonly LongTask[]
  readonly [measure: string]: unknown
}

declare global {
  /** Set by the page; called by the test. */
  var scale: {
    readonly run: (rows: number, step: string, keep: string) => Promise<ScaleResult>
    readonly resume: () => Promise<ScaleResult>
    readonly replay: (calls: number) => Promise<ScaleResult>
    readonly rounds: (
      items: number,
    ) => Promise<ScaleResult & { made: number; after: number; peak: number; samples: number }>
  }
  /** Set by the test: bytes of the heap after everything unused was collected. */
  var usedBytes: () => Promise<number>
}

let phase = 'start'
let longTasks: LongTask[] = []
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longTasks.push({ ms: Math.round(duration), phase })
}).observe({ type: 'longtask' })

async function measure(work: () => Promise<Record<string, unknown>>): Promise<ScaleResult> {
  await new Promise((resolve) => setTimeout(resolve, 200))
  longTasks = []
  const from = performance.now()
  const found = await work()
  const seconds = Math.round(performance.now() - from) / 1000
  await new Promise((resolve) => setTimeout(resolve, 200))
  return { ...found, seconds, longTasks }
}

const WORDS =
  'the cat, the post, two plants on the sill, a parcel from abroad, my bicycle, both of the hens, that old radio, our gate and its key'.split(
    ' ',
  )
const IDENTITY = { fingerprint: DESCRIPTION.card.fingerprint, weights: 'f32' }
/** Responds at once, from a task of its own, as a worker's message would be. */
const models: Models = {
  identify: () => IDENTITY,
  machineOf: () => 'one',
  batchOf: () => 128,
  call: async (batch, _signal, onResult) => {
    await new Promise((resolve) => setTimeout(resolve))
    if (batch.kind === 'score')
      for (const { id, continuations } of batch.requests)
        onResult({ id, logProbs: continuations.map((_, i) => -1 - ((id.charCodeAt(3) + i) % 5)) })
    else if (batch.kind === 'complete')
      for (const { id, sampling } of batch.requests)
        onResult({
          id,
          text: `Dear neighbour ${id.slice(0, 7)}, thank you for looking after ${WORDS.slice(id.charCodeAt(2) % 8).join(' ')} while I was away. Yours, number ${sampling.rngSeed.slice(-6)}.`,
          finishReason: 'end',
          promptTokens: 10,
          tokens: 60,
        })
  },
}

const projectId = contentId('project', 'scale')
const runId: RunId = contentId('run', 'scale')
const recipeOf = (step: string, keep: string) => {
  const checked = checkRecipeText(
    `retort: 2\nname: Scale\nrngSeed: 1\nsteps:\n  - filter: length\n    min: 2\n  - complete: teacher\n    n: 4\n  - filter: length\n    min: 3\n  - compare: exact-duplicates\n  - filter: repetition\n  - ${step}\n  - filter: length\n    min: 4\n${keep}`,
  )
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return checked.value
}
let recipe = recipeOf('judge: rubric', '')
let database: Database | undefined

async function live(db: Database): Promise<{ rows: number; kept: number } | undefined> {
  const writer = new RowWriter(
    async ({ put, change, replies, used }) =>
      void (await writeRows(db, projectId, put, change, { user: runId, replies, used })),
  )
  const progress = new LiveRun(
    recipe,
    { teacher: DESCRIPTION },
    ({ sentence }) => (phase = sentence.replace(/:.*/, '')),
  )
  return runPhases({
    machines: { now: () => 0 },
    projectId,
    runId,
    recipe,
    steps: readSteps(recipe),
    cast: { teacher: DESCRIPTION },
    live: progress,
    executor: new Executor({
      models,
      journal: new StoredJournal(db, projectId, runId, writer),
      control: new RunControl(),
    }),
    store: storedRun(db, projectId, runId, writer),
  })
}

async function run(rows: number, step: string, keep: string): Promise<ScaleResult> {
  recipe = recipeOf(step, keep)
  database = await openDatabase('scale')
  const db = database
  await putProject(db, { ...makeProject('Scale', 0), id: projectId })
  for (let from = 0; from < rows / 4; from += 1000)
    await putSeeds(
      db,
      Array.from({ length: Math.min(1000, rows / 4 - from) }, (_, i) => ({
        projectId,
        id: contentId('seed', from + i),
        text: `Write note number ${from + i} to a neighbour about a lost cat and a key.`,
        source: 'typed',
        line: from + i + 1,
        addedAt: 0,
      })),
    )
  await putRun(db, {
    projectId,
    id: runId,
    recipeHash: recipe.hash,
    recipeText: recipe.text,
    teacher: MODEL,
    status: 'running',
    startedAt: 0,
    workedMs: 0,
  })
  return measure(async () => ({ ...(await live(db)) }))
}

/** The run again, as after a reload: all of its calls are in the journal, and all of its rows are stored. */
const resume = async (): Promise<ScaleResult> => {
  const db = database
  if (db === undefined) throw new Error('there is no run')
  return measure(async () => ({ ...(await live(db)), calls: await db.count('calls') }))
}

/** A step over all rows that was killed when all of its calls were made: it is replayed from the journal. */
async function replay(calls: number): Promise<ScaleResult> {
  const db = await openDatabase('replay')
  await putProject(db, { ...makeProject('Replay', 0), id: projectId })
  const system = 'You judge a note to a neighbour by how helpful it is, from one to five. '.repeat(6)
  function* program(): Program<number> {
    const requests = Array.from({ length: calls }, (_, i) => i)
    const results = yield* all(
      requests.map((i) =>
        score('judge', {
          id: `${i}`,
          input: {
            kind: 'chat',
            messages: [
              { role: 'system', content: system },
              { role: 'user', content: `Note ${i}: the key is under the mat.` },
            ],
          },
          continuations: ['1', '2', '3', '4', '5'],
        }),
      ),
    )
    let sum = 0
    yield* inSlices(results, ({ logProbs }) => void (sum += logProbs.length))
    return sum
  }
  const once = async () => {
    const writer = new RowWriter(
      async ({ put, change, replies, used }) =>
        void (await writeRows(db, projectId, put, change, { user: runId, replies, used })),
    )
    const executor = new Executor({
      models,
      journal: new StoredJournal(db, projectId, runId, writer),
      control: new RunControl(),
    })
    await executor.together('Replay', program)
    return { ...executor.counts }
  }
  phase = 'making calls'
  const first = await measure(once)
  phase = 'replaying calls'
  return { ...(await measure(once)), first }
}

/** Three rounds on each of many prompts, in memory: what it takes while it runs, and what its rows and its journal take alone. */
async function rounds(items: number) {
  phase = 'three rounds'
  const journal = new MemoryJournal()
  const rows: string[] = []
  const before = await usedBytes()
  const samples: number[] = []
  let calls = 0
  const sampled: Models = {
    ...models,
    call: async (...given) => {
      await models.call(...given)
      calls += 1
      if (calls % 230 === 0) samples.push((await usedBytes()) - before)
    },
  }
  function* evolve(item: number): Program<string> {
    let text = `Prompt ${item}: a note to a neighbour.`
    for (let round = 0; round < 3; round++) {
      const { text: next } = yield* complete('teacher', {
        id: `${item}/${round}`,
        input: { kind: 'chat', messages: [{ role: 'user', content: text }] },
        sampling: { ...GREEDY, maxTokens: 64, rngSeed: `${item}/${round}` },
      })
      yield* score('judge', {
        id: `${item}/${round}/equal`,
        input: { kind: 'chat', messages: [{ role: 'user', content: `${text}\n${next}` }] },
        continuations: ['Equal', 'Not'],
      })
      text = `${next} (${item})`
    }
    return text
  }
  const result = await measure(async () => {
    const executor = new Executor({ models: sampled, journal, control: new RunControl() })
    await executor.each<number, never, string>({
      items: (function* () {
        for (let i = 0; i < items; i++) yield i
      })(),
      program: evolve,
      onEnd: (_, text) => rows.push(text),
    })
    return {}
  })
  const after = (await usedBytes()) - before
  return { ...result, made: journal.replies.size, after, peak: Math.max(...samples), samples: samples.length }
}

globalThis.scale = { run, resume, replay, rounds }
