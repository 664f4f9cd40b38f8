// What a large run holds at a time, counted: rows of a page, rows of a transaction, plans, calls in progress, items between two pauses.
import { expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { Executor } from '../../../src/actions/executing/executor.ts'
import { MemoryRun } from '../../../src/actions/executing/memory-run.ts'
import { LiveRun } from '../../../src/actions/run/live-run.ts'
import { runPhases } from '../../../src/actions/run/run-phases.ts'
import { contentId, type RowId } from '../../../src/domain/id.ts'
import type { Row } from '../../../src/domain/row.ts'
import type { Seed } from '../../../src/domain/seed.ts'
import { all, inSlices, pause, sortInSlices, type Program } from '../../../src/pipeline/programs/program.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { selectRows } from '../../../src/pipeline/selecting/select-rows.ts'
import { holdRow } from '../../../src/pipeline/selecting/selection.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { drive } from '../../pipeline/programs/drive.ts'
import { MemoryJournal } from '../executing/memory-journal.ts'
import { ModelsStandIn } from '../executing/stand-ins.ts'
import { complete } from '../../../src/pipeline/programs/program.ts'
import { readRecipe } from '../small-project.ts'

const projectId = contentId('project', 'large')
const runId = contentId('run', 'large')

/** Counts what a run reads and writes at a time. */
class CountingRun extends MemoryRun {
  maxPage = 0
  maxRead = 0
  maxWrite = 0
  /** Whether a step over all rows is at work: the others write each row soon. */
  isOverAll = (): boolean => true
  #waiting = 0
  override async *rows(pageSize = Infinity): AsyncIterable<readonly Row[]> {
    const rows = this.list()
    for (let from = 0; from < rows.length; from += pageSize) {
      const page = rows.slice(from, from + pageSize)
      this.maxPage = Math.max(this.maxPage, page.length)
      yield page
    }
  }
  override readRows = async (ids: readonly RowId[]): Promise<readonly Row[]> => {
    this.maxRead = Math.max(this.maxRead, ids.length)
    const known = new Map(this.list().map((row) => [row.id, row]))
    return ids.flatMap((id) => known.get(id) ?? [])
  }
  override change(id: RowId, change: (row: Row) => Row): void {
    if (this.isOverAll()) this.#waiting += 1
    this.maxWrite = Math.max(this.maxWrite, this.#waiting)
    super.change(id, change)
  }
  override drain = async (): Promise<void> => void (this.#waiting = 0)
}

test('steps over all rows read and write 4,000 of them in parts', { timeout: 60_000 }, async () => {
  const seeds = Array.from({ length: 2000 }, (_, i): Seed => ({
    projectId,
    id: contentId('seed', i),
    text: `Write note ${i} to a neighbour.`,
    answer: `Dear neighbour ${i % 1500}, thank you.`,
    source: 'typed',
    line: i + 1,
    addedAt: 0,
  }))
  const recipe = readRecipe(
    'retort: 2\nname: Large\nrngSeed: 1\nsteps:\n  - complete: given\n  - complete: teacher\n  - compare: exact-duplicates\n    of: completion\n  - filter: length\n    min: 1\n  - judge: rubric\n  - keep: threshold\n    min: 1\n  - keep: top\n    k: 1\n',
  )
  const store = new CountingRun(seeds)
  let planned = 0
  const steps = readSteps(recipe)
  const counted = {
    ...steps,
    completers: steps.completers.map((step) => ({
      ...step,
      member: {
        ...step.member,
        plan: (plan: Parameters<typeof step.member.plan>[0]) => {
          planned += 1
          return step.member.plan(plan)
        },
      },
    })),
  }
  let plannedAtFirstCall: number | undefined
  const models = new ModelsStandIn({ batch: 64 })
  const call = models.call.bind(models)
  models.call = async (...given) => {
    plannedAtFirstCall ??= planned
    await call(...given)
  }
  const live = new LiveRun(recipe, { teacher: DESCRIPTION }, () => undefined)
  store.isOverAll = () => !['completing', 'judging'].includes(live.progress().phase)
  const outcome = await runPhases({
    machines: { now: () => 0 },
    projectId,
    runId,
    recipe,
    steps: counted,
    cast: { teacher: DESCRIPTION },
    live,
    executor: new Executor({ models, journal: new MemoryJournal(), control: new RunControl() }),
    store,
  })
  expect(outcome?.rows).toBe(4000)
  expect([store.maxPage, store.maxWrite]).toEqual([500, 500])
  expect(store.maxRead).toBeLessThanOrEqual(2000)
  expect(planned).toBe(4000)
  expect(plannedAtFirstCall).toBeLessThan(1100)
  const equal = store.list().filter(({ droppedBy }) => droppedBy === 'exact-duplicates')
  expect(equal).toHaveLength(500)
  for (const { completion, decisions } of equal)
    expect(decisions.at(-1)?.decision).toMatchObject({ nearest: { text: completion.text, score: 1 } })
})

test('keep steps pause every few hundred of 100,000 rows', () => {
  const verdict = {
    kind: 'score',
    rubric: 'r',
    judge: { name: 'j', fingerprint: '', quantisation: '', licence: '' },
    distribution: [],
    mass: 1,
  } as const
  const { keeps } = readSteps(
    readRecipe(
      'retort: 2\nname: x\nrngSeed: 1\nsteps:\n  - complete: teacher\n  - compare: pairwise\n  - judge: rubric\n  - keep: threshold\n    min: 2\n  - keep: top\n    k: 10\n    per: run\n  - keep: top\n    k: 1\n  - keep: pair-preferred\n',
    ),
  )
  const members = keeps.map(({ member }) => member)
  const rows = Array.from({ length: 100_000 }, (_, i) =>
    holdRow(
      {
        id: `${i}`,
        promptId: `p${i >> 2}`,
        order: i,
        completion: `text ${i}`.repeat(30),
        verdicts: [{ verdict: { ...verdict, score: 1 + ((i * 7919) % 4001) / 1000 } }],
        decisions: [
          {
            step: 1,
            name: 'pairwise',
            decision: { kind: 'kept', evidence: { wins: i % 3, losses: (i + 1) % 3, ties: 0 } },
          },
        ],
      },
      members,
    ),
  )
  // No text is held, and no verdict.
  expect(JSON.stringify(rows[7]).length).toBeLessThan(250)
  for (const keep of keeps) {
    const { outcome, pauses } = drive(selectRows(keep, rows), () => {
      throw new Error('it makes no call')
    })
    expect(outcome).toHaveLength(rows.length)
    expect(pauses, keep.name).toBeGreaterThanOrEqual(100)
  }
})

test('sorting with pauses is sorting', () => {
  const items = Array.from({ length: 5000 }, (_, i) => ({ key: (i * 7919) % 101, i }))
  const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key
  const { outcome, pauses } = drive(sortInSlices(items, compare), () => {
    throw new Error('it makes no call')
  })
  expect(outcome).toEqual(items.toSorted(compare))
  expect(pauses).toBeGreaterThan(20)
})

test('programs side by side make at most 512 calls at a time, and pauses let the page run', async () => {
  const models = new ModelsStandIn({ batch: 1000 })
  const executor = new Executor({ models, journal: new MemoryJournal(), control: new RunControl() })
  let ticks = 0
  const timer = setInterval(() => (ticks += 1))
  function* program(): Program<number> {
    const texts = yield* all(
      Array.from({ length: 3000 }, (_, i) =>
        complete('teacher', {
          id: `${i}`,
          input: { kind: 'raw', text: `${i}` },
          sampling: {
            temperature: 0,
            topK: 0,
            topP: 1,
            minP: 0,
            repetitionPenalty: 1,
            maxTokens: 8,
            stop: [],
            rngSeed: 'x',
          },
        }),
      ),
    )
    let characters = 0
    yield* inSlices(texts, ({ text }) => void (characters += text.length))
    // Long work without a call.
    const until = performance.now() + 100
    while (performance.now() < until) yield* pause()
    return characters
  }
  ticks = 0
  const ended = await executor.together('Side by side', program)
  clearInterval(timer)
  expect(ended).toMatchObject({ stopped: false, outcome: 3000 * 13 })
  expect(Math.max(...models.batches)).toBeLessThanOrEqual(512)
  expect(models.made).toHaveLength(3000)
  expect(ticks).toBeGreaterThan(2)
})
