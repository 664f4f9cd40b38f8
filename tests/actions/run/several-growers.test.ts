// Recipes with several grow steps: what each grows from, what is passed on, whose child a prompt is, which fields it has, and that a run of
// one grow step keeps the names it had before there could be several.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { previewRun } from '../../../src/actions/recipe/preview-run.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import { LiveRun } from '../../../src/actions/run/live-run.ts'
import { computeFunnel } from '../../../src/actions/run/funnel.ts'
import { readFamily } from '../../../src/actions/rows/read-family.ts'
import type { Prompt } from '../../../src/domain/prompt.ts'
import type { RunProgress } from '../../../src/domain/run.ts'
import { parseSeed } from '../../../src/domain/seed.ts'
import { REPLACED } from '../../../src/pipeline/growing/growth.ts'
import { listPrompts } from '../../../src/storage/prompts.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { listDone } from '../../../src/storage/journal.ts'
import { putSeeds } from '../../../src/storage/seeds.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, SEEDS } from '../small-project.ts'

const SELF = '  - grow: self-instruct\n    prompts: 5\n    humanShots: 3\n    machineShots: 1\n'
const evolve = (alsoSeeds = true, rounds = 2): string =>
  `  - grow: evol-instruct\n    rounds: ${rounds}\n    alsoSeeds: ${alsoSeeds}\n    checkEquality: false\n    checkResponse: false\n`
const recipeOf = (...steps: string[]) =>
  readRecipe(`retort: 2\nname: Several\nrngSeed: 3\nsteps:\n${steps.join('')}  - complete: teacher\n`)

/** A run over the small project, whose last seed has fields; its prompts by what made them, and its funnel. */
async function run(...steps: string[]) {
  const machines = await makeMachines()
  const { db } = machines
  const projectId = await makeSmallProject(machines)
  const seed = parseSeed({
    projectId,
    text: 'Name two birds of the coast.',
    fields: { topic: 'birds' },
    source: 'typed',
    line: 9,
    addedAt: 9,
  })
  if (!seed.ok) throw new Error('no seed')
  await putSeeds(db, [seed.value])
  const recipe = recipeOf(...steps)
  const reports: RunProgress[] = []
  const { id, notes } = await finish(
    startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl()),
    (progress) => reports.push(progress),
  )
  const prompts = await listPrompts(db, projectId, id)
  const madeBy = (step: number | undefined): Prompt[] =>
    prompts.filter(({ origin }) => origin.kind === 'grown' && origin.step === step)
  return {
    machines,
    projectId,
    id,
    notes,
    recipe,
    prompts,
    seeds: prompts.filter(({ origin }) => origin.kind === 'seed'),
    madeBy,
    funnel: await computeFunnel(db, projectId, id, recipe),
    rows: await listRows(db, projectId, id),
    done: [...(await listDone(db, projectId, id))],
    last: reports.at(-1),
  }
}
const accepted = (prompts: readonly Prompt[]): readonly Prompt[] =>
  prompts.filter(({ status }) => status === 'accepted')
const ids = (prompts: readonly Prompt[]): ReadonlySet<string> => new Set(prompts.map(({ id }) => id))

describe('Self-Instruct, then Evol-Instruct', () => {
  test('evolves the grown prompts, not the seeds, and completes both', async () => {
    const { madeBy, seeds, rows, prompts, funnel } = await run(SELF, evolve())
    const [grown, evolved] = [madeBy(undefined), madeBy(1)]
    expect(seeds).toEqual([])
    expect(accepted(grown)).toHaveLength(5)
    expect(accepted(evolved).length).toBeGreaterThan(5)
    expect(prompts.map(({ order }) => order)).toEqual(prompts.map((_, at) => at))
    expect(new Set(rows.map(({ promptId }) => promptId))).toEqual(ids(accepted(prompts)))
    // Every evolved prompt descends from a grown one, by as many steps as rounds at most.
    const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]))
    for (const prompt of evolved) {
      const parent = prompt.parent && byId.get(prompt.parent)
      const root = parent?.parent === undefined ? parent : byId.get(parent.parent)
      expect(ids(accepted(grown))).toContain(root?.id)
      expect(prompt.seedId).toBe(root?.seedId)
    }
    expect(grown.every(({ parent }) => parent === undefined)).toBe(true)
    expect(funnel.map(({ step, of, reached }) => [step, of, reached])).toEqual([
      [0, 'prompt', grown.length],
      [1, 'prompt', evolved.length],
      [2, 'completion', rows.length],
    ])
  })

  test('evolves only what a filter in between lets through', async () => {
    const { madeBy, prompts } = await run(SELF, '  - filter: novelty\n    threshold: 0.3\n', evolve())
    const grown = madeBy(undefined)
    const left = accepted(grown)
    expect(left.length).toBeGreaterThan(0)
    expect(left.length).toBeLessThan(5)
    const roots = new Set(madeBy(2).flatMap(({ origin }) => (origin.kind === 'grown' ? origin.shots : [])))
    const shown = grown.filter(({ id }) => roots.has(id))
    expect(ids(shown)).toEqual(ids(left))
    expect(accepted(prompts).length).toBeGreaterThan(left.length)
  })

  test('passes only the evolved prompts on if the others are not included, and says so', async () => {
    const { madeBy, prompts, funnel, rows } = await run(SELF, evolve(false))
    expect(ids(accepted(prompts))).toEqual(ids(accepted(madeBy(1))))
    expect(rows.length).toBe(accepted(madeBy(1)).length)
    expect(funnel[1]?.reasons).toContainEqual({ reason: REPLACED, count: 5 })
    expect(funnel[0]?.passed).toBe(5)
  })

  test('is two stages with titles and counts of their own, and resumes by keys of their own', async () => {
    const { last, recipe, done, madeBy } = await run(SELF, evolve())
    expect(last?.stages.map(({ step }) => step)).toEqual([0, 1, 2])
    expect(last?.stages[1]).toMatchObject({ title: 'Evolve prompts (Evol-Instruct)', total: 10 })
    expect(last?.stages[1]?.done).toBe(accepted(madeBy(1)).length)
    const live = new LiveRun(recipe, { teacher: DESCRIPTION }, () => undefined)
    live.enter(1, 2, 9)
    expect(live.progress().sentence).toBe('Evolve prompts (Evol-Instruct): 2 of 9.')
    expect(done.filter((key) => /grown to|filtered/.test(key)).toSorted()).toEqual([
      ...done.filter((key) => /^grown to \d+$/.test(key)).toSorted(),
      'prompts filtered',
      'step 1 grown to 5',
    ])
  })

  test('shows prompts of both in the family of a row, the root first', async () => {
    const { machines, rows, madeBy, prompts } = await run(SELF, evolve())
    const evolved = accepted(madeBy(1)).find(({ parent }) => ids(madeBy(1)).has(parent ?? ''))
    const row = rows.find(({ promptId }) => promptId === evolved?.id)
    if (row === undefined) throw new Error('no row')
    const { root } = await readFamily(machines.db, row, new AbortController().signal)
    expect(root?.operator).toBeUndefined()
    expect(root?.id).toBe(prompts.find(({ id }) => id === root?.id && ids(madeBy(undefined)).has(id))?.id)
    expect(root?.prompts[0]?.operator).toBeDefined()
    expect(root?.prompts[0]?.prompts[0]?.id ?? root?.prompts[1]?.id).toBeDefined()
  })

  test('is tried with prompts of both, and previewed whole after its run', async () => {
    const machines = await makeMachines()
    const projectId = await makeSmallProject(machines)
    const recipe = recipeOf(SELF, evolve())
    const { rows, measures } = await finish(tryFive(machines, { projectId, recipe, teacher: DESCRIPTION }))
    expect(rows).toHaveLength(5)
    expect(rows.every(({ grown }) => grown)).toBe(true)
    expect(measures.growth.map(({ step, requests }) => [step, requests > 0])).toEqual([
      [0, true],
      [1, true],
    ])
    await finish(startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl()))
    const known = await previewRun(
      machines,
      { projectId, recipe, teacher: DESCRIPTION },
      new AbortController().signal,
    )
    expect(known?.requests).toMatchObject({ missing: 0, isWhole: true })
  })
})

describe('other orders', () => {
  test('the seeds as they are, then Evol-Instruct: the seeds are prompts, and each is evolved as their child', async () => {
    const { seeds, madeBy, prompts } = await run(SELF.replace('prompts: 5', 'prompts: 0'), evolve(true, 1))
    expect(accepted(seeds)).toHaveLength(SEEDS.length + 1)
    expect(madeBy(1)).toHaveLength(SEEDS.length + 1)
    expect(new Set(madeBy(1).map(({ parent }) => parent))).toEqual(ids(seeds))
    expect(prompts).toHaveLength(2 * (SEEDS.length + 1))
  })

  test('a filter after the seeds as they are keeps what it drops from being evolved', async () => {
    const filter = '  - filter: length\n    min: 8\n'
    const { seeds, madeBy } = await run(SELF.replace('prompts: 5', 'prompts: 0'), filter, evolve(false, 1))
    const passed = seeds.filter(({ decisions }) => decisions[0]?.decision.kind === 'kept')
    expect(passed.length).toBeGreaterThan(0)
    expect(passed.length).toBeLessThan(SEEDS.length)
    expect(new Set(madeBy(2).map(({ parent }) => parent))).toEqual(ids(passed))
    expect(accepted(seeds)).toEqual([])
  })

  test('Evol-Instruct, then Self-Instruct: the evolved prompts are its examples, and stay', async () => {
    const { madeBy, seeds, prompts, rows } = await run(evolve(false, 1), SELF)
    const [evolved, grown] = [madeBy(undefined), madeBy(1)]
    expect(accepted(grown)).toHaveLength(5)
    const examples = new Set(grown.flatMap(({ origin }) => (origin.kind === 'grown' ? origin.shots : [])))
    expect([...examples].every((id) => ids(accepted([...evolved, ...grown])).has(id))).toBe(true)
    expect(seeds).toEqual([])
    expect(accepted(prompts)).toHaveLength(accepted(evolved).length + 5)
    expect(rows).toHaveLength(accepted(prompts).length)
    expect((await run(evolve(false, 1), `${SELF}    alsoSeeds: true\n`)).seeds).toHaveLength(SEEDS.length + 1)
  })

  test('the same step twice draws other requests the second time', async () => {
    const { madeBy } = await run(SELF, SELF)
    const texts = (step?: number): string[] => accepted(madeBy(step)).map(({ text }) => text)
    expect(texts()).toHaveLength(5)
    expect(texts(1).filter((text) => texts().includes(text))).toEqual([])
    expect(new Set([...ids(madeBy(undefined)), ...ids(madeBy(1))]).size).toBe(
      madeBy(undefined).length + madeBy(1).length,
    )
  })

  test('a step that nothing reaches is reported', async () => {
    const { notes, prompts } = await run(SELF, '  - filter: length\n    min: 300\n', evolve())
    expect(accepted(prompts)).toEqual([])
    expect(notes).toContain(
      '“Evolve prompts (Evol-Instruct)” grew nothing: the steps before it left no prompts.',
    )
  })
})

describe("a seed's own fields", () => {
  test('reach every prompt that is made of it alone, over several steps, and their rows', async () => {
    const { madeBy, seeds, rows } = await run(evolve(true, 1), evolve(true, 1))
    const topics = (prompts: readonly Prompt[]): unknown[] =>
      prompts.flatMap(({ fields }) => (fields ? [fields] : []))
    expect(topics(seeds)).toEqual([{ topic: 'birds' }])
    expect(topics(madeBy(undefined))).toEqual([{ topic: 'birds' }])
    expect(topics(madeBy(1))).toEqual([{ topic: 'birds' }, { topic: 'birds' }])
    expect(rows.filter(({ fields }) => fields?.['topic'] === 'birds')).toHaveLength(4)
  })

  test('do not reach prompts for which several seeds were shown, and what is made of those', async () => {
    const { prompts } = await run(SELF, evolve(true, 1))
    expect(prompts.filter(({ fields }) => fields)).toEqual([])
  })

  test('are passed on without the fields that a tag added to the prompt', async () => {
    const tag = '  - tag: template\n    template: "How hard is {{ prompt }}?"\n    into: level\n'
    const { madeBy, prompts } = await run(evolve(true, 1), tag, evolve(true, 1))
    const before = prompts.filter(({ origin }) => origin.kind === 'seed' || origin.step !== 2)
    expect(
      before.every(({ fields, status }) => status === 'dropped' || fields?.['level'] !== undefined),
    ).toBe(true)
    expect(madeBy(2).flatMap(({ fields }) => (fields ? [fields] : []))).toEqual([
      { topic: 'birds' },
      { topic: 'birds' },
    ])
  })
})
