// Programs killed anywhere, stopped, paused, refused, broken: the outcome is the same, and no call is repeated.
import { describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { Executor } from '../../../src/actions/executing/executor.ts'
import { MemoryJournal } from './memory-journal.ts'
import type { Journal } from '../../../src/actions/executing/ports.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import {
  all,
  complete,
  decideNovelty,
  emit,
  score,
  type Program,
} from '../../../src/pipeline/programs/program.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { TextPool } from '../../../src/pipeline/programs/text-pool.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { Killed, KilledJournal, ModelsStandIn, poolsStandIn } from './stand-ins.ts'

const request = (role: string, id: string, text: string) =>
  complete(role, {
    id,
    input: { kind: 'raw', text },
    sampling: { ...GREEDY, maxTokens: 8, stop: [], rngSeed: 'x' },
  })

/** Three rounds on one row: a new text each, an elimination by score, and a row handed over after each round. */
function* evolve(item: number): Program<string, string> {
  let text = `row ${item}`
  for (let round = 0; round < 3; round++) {
    const { text: next, refusal } = yield* request('teacher', `${item}/${round}`, text)
    if (refusal !== undefined) return `refused: ${refusal}`
    const [first, second] = yield* all([
      score('judge', {
        id: `${item}/${round}/a`,
        input: { kind: 'raw', text: next },
        continuations: ['a', 'b'],
      }),
      score('judge', {
        id: `${item}/${round}/b`,
        input: { kind: 'raw', text: `${next}!` },
        continuations: ['a', 'b'],
      }),
    ])
    yield* emit(`${round}: ${next} ${(first?.logProbs[0] ?? 0) + (second?.logProbs[1] ?? 0)}`)
    text = next
  }
  return text
}

/** A pool that grows in rounds, as Self-Instruct's. */
function* grow(): Program<number, readonly string[]> {
  const pool = new TextPool()
  let kept = 0
  for (let round = 0; round < 5; round++) {
    const texts = yield* all(
      [0, 1, 2].map((i) =>
        request('teacher', `grow-${round}-${i}`, `round ${round} of ${pool.state.size}, ${i}`),
      ),
    )
    const candidates = texts.map(({ text }) => text)
    const decisions = yield* decideNovelty(pool.state, 0.7, candidates)
    const fresh = candidates.filter((_, i) => decisions[i]?.kind === 'kept')
    pool.add(fresh)
    kept += fresh.length
    yield* emit(fresh)
  }
  return kept
}

interface Outcome {
  readonly ended: Map<number, string>
  readonly emitted: string[]
}
async function run(
  models: ModelsStandIn,
  journal: Journal,
  { items = 40, control = new RunControl() }: { items?: number; control?: RunControl } = {},
): Promise<Outcome & { finished: boolean; executor: Executor }> {
  const outcome: Outcome = { ended: new Map(), emitted: [] }
  const executor = new Executor({ models, journal, pools: poolsStandIn, control })
  const finished = await executor.each<number, string, string>({
    items: Array.from({ length: items }, (_, i) => i),
    program: evolve,
    onEmit: (item, value) => void outcome.emitted.push(`${item} ${value}`),
    onEnd: (item, value) => outcome.ended.set(item, value),
    onFailure: (item, reason) => outcome.ended.set(item, `failed: ${reason}`),
  })
  return { ...outcome, finished, executor }
}
const sorted = ({ ended, emitted }: Outcome): unknown => [
  [...ended].toSorted(([a], [b]) => a - b),
  emitted.toSorted(),
]

/** One model in memory at a time: counts how often another one took its place. */
class TakingTurns extends ModelsStandIn {
  readonly takesTurns = true
  present = 'teacher'
  swaps = 0
  isAtHand = (role: string): boolean => role === this.present
  prepare = async (role: string): Promise<void> => {
    if (role === this.present) return
    await Promise.resolve()
    this.present = role
    this.swaps += 1
  }
}

describe('models that take turns in memory', () => {
  test('change as seldom as the programs allow, whatever their number, with the same outcome', async () => {
    // Three rounds of two roles each: five changes, for 40 programs as for 2000.
    for (const items of [40, 2000]) {
      const models = new TakingTurns({ batch: 64 })
      const outcome = await run(models, new MemoryJournal(), { items })
      expect(models.swaps, `${items} programs`).toBe(5)
      expect(sorted(outcome)).toEqual(sorted(await run(new ModelsStandIn(), new MemoryJournal(), { items })))
    }
  })

  test('are not changed for calls that are in the journal', async () => {
    const journal = new MemoryJournal()
    await run(new TakingTurns(), journal)
    const models = new TakingTurns()
    await run(models, journal)
    expect([models.swaps, models.made.length]).toEqual([0, 0])
  })

  test('are loaded before the call is timed, and a load that fails ends the work', async () => {
    const models = new TakingTurns()
    models.prepare = async (role) => {
      if (role === 'judge') throw new RetortError('OutOfMemory', 'Too large.')
    }
    await expect(run(models, new MemoryJournal())).rejects.toThrow('Too large.')
  })
})

describe('programs side by side', () => {
  test('have the same outcome for any batch size and any order of results', async () => {
    const wanted = sorted(await run(new ModelsStandIn(), new MemoryJournal()))
    for (const [batch, order] of [
      [1, 'b'],
      [3, 'c'],
      [64, 'd'],
      [1000, 'e'],
    ] as const)
      expect(sorted(await run(new ModelsStandIn({ batch, order }), new MemoryJournal()))).toEqual(wanted)
  })

  test('fill every batch but the last ones', async () => {
    const models = new ModelsStandIn({ batch: 16 })
    await run(models, new MemoryJournal(), { items: 400 })
    expect(models.made).toHaveLength(400 * 9)
    expect(models.batches.filter((size) => size < 16).length).toBeLessThan(15)
  })

  test('killed at every tenth write and resumed, repeat no call that was stored and end the same', async () => {
    const wanted = sorted(await run(new ModelsStandIn(), new MemoryJournal(), { items: 12 }))
    const stored = new Map<string, Reply>()
    const made: string[] = []
    let kills = 0
    for (;;) {
      const models = new ModelsStandIn({ batch: 4, order: `${kills}` })
      const before = new Set(stored.keys())
      const outcome = await run(models, new KilledJournal(stored, 10), { items: 12 }).catch(
        (thrown: unknown) => thrown,
      )
      made.push(...models.made)
      expect(before.size + 10).toBeGreaterThanOrEqual(stored.size)
      if (outcome instanceof Killed) {
        kills += 1
        continue
      }
      expect(sorted(outcome as Outcome)).toEqual(wanted)
      break
    }
    expect(kills).toBeGreaterThan(8)
    // Only calls in progress at a kill are made again, and those were not stored.
    expect(stored.size).toBe(12 * 9)
    expect(made.length - new Set(made).size).toBeLessThanOrEqual(kills * 4)
    const replay = new ModelsStandIn()
    expect(sorted(await run(replay, new KilledJournal(stored), { items: 12 }))).toEqual(wanted)
    expect(replay.made).toEqual([])
  })

  test('make a call once that several programs make', async () => {
    const models = new ModelsStandIn()
    const executor = new Executor({
      models,
      journal: new MemoryJournal(),
      pools: poolsStandIn,
      control: new RunControl(),
    })
    const texts: string[] = []
    await executor.each<number, never, string>({
      items: [1, 2, 3],
      program: function* (item) {
        return (yield* request('teacher', `same ${item}`, 'one text')).text
      },
      onEnd: (_, text) => texts.push(text),
    })
    expect(new Set(texts).size).toBe(1)
    expect(texts).toHaveLength(3)
    expect(models.made).toHaveLength(1)
  })

  test('a refusal is a value, and a program that throws fails its row alone', async () => {
    const models = new ModelsStandIn()
    models.mishap = (_, id) => (id === '3/1' ? { refusal: 'too long' } : undefined)
    const { ended } = await run(models, new MemoryJournal(), { items: 6 })
    expect(ended.get(3)).toBe('refused: too long')
    expect([...ended.values()].filter((text) => text.startsWith('text'))).toHaveLength(5)

    const executor = new Executor({
      models: new ModelsStandIn(),
      journal: new MemoryJournal(),
      pools: poolsStandIn,
      control: new RunControl(),
    })
    const seen: string[] = []
    await executor.each<number, never, string>({
      items: [1, 2, 3],
      program: function* (item) {
        const texts = yield* all(
          [1, 2].map(function* (i): Program<string> {
            const { text } = yield* request('teacher', `${item} ${i}`, `${item} ${i}`)
            if (item === 2) throw new Error('a bug')
            return text
          }),
        )
        return texts.join()
      },
      onEnd: (item) => seen.push(`${item} ended`),
      onFailure: (item, reason) => seen.push(`${item} ${reason}`),
    })
    expect(seen.toSorted()).toEqual(['1 ended', '2 a bug', '3 ended'])
  })

  test('a machine that breaks ends the work with its error, and what was finished stays', async () => {
    const stored = new Map<string, Reply>()
    const models = new ModelsStandIn({ batch: 4 })
    models.mishap = (count) => (count === 20 ? new RetortError('WorkerDied', 'it crashed') : undefined)
    await expect(run(models, new KilledJournal(stored), { items: 12 })).rejects.toMatchObject({
      name: 'WorkerDied',
    })
    expect(stored.size).toBe(20)
    const again = new ModelsStandIn()
    await run(again, new KilledJournal(stored), { items: 12 })
    expect(again.made).toHaveLength(12 * 9 - 20)
  })

  test('a request that no batch size helps gets a refusal that is not stored', async () => {
    const stored = new Map<string, Reply>()
    const models = new ModelsStandIn({ batch: 4 })
    models.mishap = (_, id) => (id === '2/0' ? new Error('this row breaks it') : undefined)
    const { ended } = await run(models, new KilledJournal(stored), { items: 5 })
    expect(ended.get(2)).toBe('refused: this row breaks it')
    expect(stored.size).toBe(4 * 9)
  })

  test('stops, and can be continued; pauses without losing what was finished', async () => {
    const wanted = sorted(await run(new ModelsStandIn(), new MemoryJournal(), { items: 12 }))
    const stored = new Map<string, Reply>()
    const stopping = new RunControl()
    const models = new ModelsStandIn({ batch: 4 })
    models.mishap = (count) => (count === 30 ? (stopping.stop(), undefined) : undefined)
    const stopped = await run(models, new KilledJournal(stored), { items: 12, control: stopping })
    expect(stopped.finished).toBe(false)
    expect(stored.size).toBeGreaterThanOrEqual(30)

    const pausing = new RunControl()
    const second = new ModelsStandIn({ batch: 4 })
    second.mishap = (count) => (count === 10 ? (pausing.pause(), undefined) : undefined)
    const ending = run(second, new KilledJournal(stored), { items: 12, control: pausing })
    await vi.waitFor(() => expect(pausing.paused).toBe(true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const made = second.made.length
    expect(made).toBeLessThan(12)
    pausing.resume()
    const { finished, ...outcome } = await ending
    expect(finished).toBe(true)
    expect(sorted(outcome)).toEqual(wanted)
    expect(outcome.executor.counts.replayed).toBeGreaterThan(25)
  })

  test('two machines work at the same time, one machine never on two calls', async () => {
    const active = new Set<string>()
    let both = false
    const models = new ModelsStandIn({ batch: 4, machine: (role) => role })
    const call = models.call.bind(models)
    models.call = async (batch, signal, onResult) => {
      expect(active.has(batch.role)).toBe(false)
      active.add(batch.role)
      both ||= active.size === 2
      await call(batch, signal, onResult)
      active.delete(batch.role)
    }
    await run(models, new MemoryJournal())
    expect(both).toBe(true)
  })

  test('wait for one another in a pool, whatever the order, and replay its decisions', async () => {
    const outcomes = []
    for (const order of ['a', 'b', 'c']) {
      const journal = new MemoryJournal()
      const emitted: unknown[] = []
      const start = (models: ModelsStandIn) =>
        new Executor({ models, journal, pools: poolsStandIn, control: new RunControl() }).together(
          'Grow',
          grow,
          (value) => void emitted.push(value),
        )
      const first = await start(new ModelsStandIn({ order }))
      const replay = new ModelsStandIn()
      expect(await start(replay)).toEqual(first)
      expect(replay.made).toEqual([])
      outcomes.push([first, emitted])
    }
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[2]).toEqual(outcomes[0])
  })

  test('report their shares, which add up to all of the work', async () => {
    const shares: number[] = []
    const models = new ModelsStandIn({ batch: 1 })
    await new Executor({
      models,
      journal: new MemoryJournal(),
      pools: poolsStandIn,
      control: new RunControl(),
    }).together('Grow', grow, undefined, (share) => shares.push(share))
    expect(shares.length).toBeGreaterThan(2)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
  })

  test('whatever the rows and batches, each row ends once', async () => {
    const rng = makeRng('executor')
    for (let round = 0; round < 20; round++) {
      const items = rng.below(60)
      const { ended, emitted } = await run(
        new ModelsStandIn({ batch: 1 + rng.below(20), order: `${round}` }),
        new MemoryJournal(),
        { items },
      )
      expect(ended.size).toBe(items)
      expect(emitted).toHaveLength(3 * items)
    }
  })
})
