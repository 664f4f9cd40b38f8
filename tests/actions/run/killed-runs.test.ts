// What every member of every family keeps: killed, stopped, paused, refused, broken, or with one bad row, a run ends the same and repeats
// no call.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import { completers } from '../../../src/pipeline/completing/index.ts'
import type { CheckedRecipe } from '../../../src/domain/recipe.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { filterMembers } from '../../../src/pipeline/filters/index.ts'
import { growMembers } from '../../../src/pipeline/growing/index.ts'
import { keepMembers } from '../../../src/pipeline/selecting/index.ts'
import { stageMembers } from '../../../src/pipeline/stages/index.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { Killed } from '../executing/stand-ins.ts'
import { makeSmallProject, outcomeOf, readRecipe, RECIPE } from '../small-project.ts'
import { Disk, live } from './durable-run.ts'

/** Settings with which a member does something here in a short time, for those that need some. */
const SETTINGS: Readonly<Record<string, string>> = {
  'grow: self-instruct': '    prompts: 5\n    humanShots: 3\n    machineShots: 1\n',
  'grow: evol-instruct': '    rounds: 2\n',
  'complete: teacher': '    n: 2\n',
  'complete: revise': '    times: 2\n    original: keep\n',
  'filter: length': '    min: 8\n',
  'filter: novelty': '    threshold: 0.5\n',
  'filter: final-answer': '    unknown: keep\n',
  'filter: field': '    field: tag\n    missing: keep\n    comparison: contains\n    value: a\n',
  'keep: top': '    k: 1\n',
  'keep: threshold': '    min: 2.6\n',
}
const step = (name: string): string => `  - ${name}\n${SETTINGS[name] ?? ''}`
const steps = (...names: string[]): string =>
  `retort: 2\nname: Small\nrngSeed: 3\nsteps:\n${names.map(step).join('')}`

const GROW = 'grow: self-instruct'
const WRITE = 'complete: teacher'
const JUDGE = 'judge: rubric'
const KEEP = 'keep: threshold'

/** A recipe for each member, which reaches it with several rows and has steps after it. */
const RECIPES: readonly (readonly [string, string])[] = [
  ...growMembers.map(({ name }) => [`grow: ${name}`, steps(`grow: ${name}`, WRITE, JUDGE, KEEP)] as const),
  ...completers.map(
    ({ name }) =>
      [
        `complete: ${name}`,
        steps(GROW, `complete: ${name}`, WRITE, 'filter: novelty', KEEP)
          .replace(KEEP, `${JUDGE}\n  - ${KEEP}`)
          .replace('grow: self-instruct\n', 'grow: self-instruct\n    alsoSeeds: true\n'),
      ] as const,
  ),
  ...filterMembers.map(({ name, ofPrompts }) => {
    const filter = `filter: ${name}`
    return [filter, steps(GROW, ...(ofPrompts ? [filter] : []), WRITE, filter, JUDGE, filter, KEEP)] as const
  }),
  ...stageMembers.map(
    ({ family, name }) =>
      [`${family}: ${name}`, steps(GROW, WRITE, `${family}: ${name}`, JUDGE, KEEP)] as const,
  ),
  ...keepMembers.map(({ name, requires }) => {
    const needed = stageMembers.find(
      (member) => member.family === requires?.family && (requires.name ?? member.name) === member.name,
    )
    const before = needed === undefined ? [] : [`${needed.family}: ${needed.name}`]
    return [
      `keep: ${name}`,
      steps(GROW, WRITE, ...before.filter((one) => one !== JUDGE), JUDGE, `keep: ${name}`),
    ] as const
  }),
  [
    'a tag of prompts',
    RECIPE.replace(
      '  - complete: teacher\n',
      '  - tag: template\n    template: "{{ prompt }}"\n    reads: choice\n    choices: easy, hard\n  - filter: field\n    comparison: equals\n    value: hard\n  - complete: teacher\n',
    ),
  ] as const,
  ['two grow steps', steps(GROW, 'filter: length', 'grow: evol-instruct', WRITE, JUDGE, KEEP)],
  [
    'three grow steps of which the second replaces what it grows from',
    steps(
      'grow: evol-instruct',
      'grow: evol-instruct',
      'tag: template',
      'grow: self-instruct',
      'filter: length',
      WRITE,
      JUDGE,
      KEEP,
    )
      .replace(/(rounds: 2\n {2}- grow: evol-instruct\n)/, '$1    alsoSeeds: false\n')
      .replace('tag: template\n', 'tag: template\n    template: "{{ prompt }}"\n'),
  ],
  [
    'several steps of a kind',
    steps(
      GROW,
      'filter: length',
      WRITE,
      WRITE,
      'filter: length',
      JUDGE,
      'filter: novelty',
      JUDGE,
      KEEP,
      'keep: top',
    ),
  ],
]

/** An undisturbed run. */
async function runWhole(recipe: CheckedRecipe) {
  const disk = new Disk()
  const life = await live({ recipe, disk })
  return {
    ...life,
    contents: disk.contents(recipe),
    keys: new Set(disk.replies.keys()),
    rows: disk.rows.size,
  }
}
const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((thrown: unknown) => thrown)

describe.each(RECIPES)('a run with %s', (name, text) => {
  const recipe = readRecipe(text)
  const whole = runWhole(recipe)

  test('reaches it with several rows, and shows the funnel that is stored', async () => {
    const { contents, funnel, rows, finished } = await whole
    expect(finished).toBe(true)
    expect(rows).toBeGreaterThan(4)
    expect(JSON.parse(contents)).toMatchObject({ funnel })
    const own = funnel.filter((bar) => name.endsWith(`: ${bar.name}`))
    if (name.includes(': ')) expect(own.at(-1)?.reached).toBeGreaterThan(1)
  })

  test('has the same rows whatever the batches and the order of the results', async () => {
    for (const [batch, order] of [
      [1, 'b'],
      [3, 'c'],
      [1000, 'd'],
    ] as const) {
      const disk = new Disk()
      await live({ recipe, disk, batch, order })
      expect(disk.contents(recipe), `batches of ${batch}`).toBe((await whole).contents)
    }
  })

  test('has the same rows after it was killed between any two writes, and repeats no call that was stored', async () => {
    const { commits, contents, keys } = await whole
    const rng = makeRng(`kills of ${name}`)
    const kills = new Set([0, 1, commits - 1, ...Array.from({ length: 5 }, () => rng.below(commits))])
    let killed = 0
    for (const killAt of kills) {
      const disk = new Disk()
      // How much goes into one write depends on the time: the last kills may come too late.
      if ((await caught(live({ recipe, disk, killAt }))) instanceof Killed) killed += 1
      // Killed again on the way.
      const second = await caught(
        live({ recipe, disk, killAt: 1 + rng.below(8), batch: 5, order: `${killAt}` }),
      )
      expect(second instanceof Error && !(second instanceof Killed)).toBe(false)
      const stored = disk.replies.size
      const { made, funnel } = await live({ recipe, disk, order: `${killAt} again` })
      expect(disk.contents(recipe), `killed at ${killAt}`).toBe(contents)
      expect(made, `killed at ${killAt}`).toBe(keys.size - stored)
      expect(JSON.parse(contents)).toMatchObject({ funnel })
    }
    expect(killed).toBeGreaterThan(kills.size / 2)
  })

  test('has the same rows after a stop and after a pause', async () => {
    const { contents, keys } = await whole
    const disk = new Disk()
    const stopping = new RunControl()
    const at = Math.floor(keys.size / 2)
    const stopped = await live({
      recipe,
      disk,
      control: stopping,
      mishap: (count) => void (count === at && stopping.stop()),
    })
    if (keys.size > 1) expect(stopped.finished).toBe(false)
    const stored = disk.replies.size
    const pausing = new RunControl()
    const { made } = await live({
      recipe,
      disk,
      control: pausing,
      mishap: (count) => {
        if (count !== 1) return undefined
        pausing.pause()
        queueMicrotask(() => pausing.resume())
        return undefined
      },
    })
    expect(disk.contents(recipe)).toBe(contents)
    expect(made).toBe(keys.size - stored)
  })

  test('continues after a refusal and a request that breaks, and is resumed after a broken machine', async () => {
    // A seventh of the requests is refused, another breaks its batch, whatever the order.
    const mishap = (_: number, contents: string) => {
      const kind = makeRng(contents).below(7)
      return kind === 0 ? { refusal: 'too long' } : kind === 1 ? new Error('this row breaks it') : undefined
    }
    const disk = new Disk()
    const ended = await caught(live({ recipe, disk, mishap, batch: 4 }))
    if (ended instanceof Error) throw ended
    const other = new Disk()
    const broken = await caught(
      live({
        recipe,
        disk: other,
        batch: 2,
        order: 'e',
        mishap: (count, contents) =>
          count === 9 ? new RetortError('WorkerDied', 'The worker crashed.') : mishap(count, contents),
      }),
    )
    if (disk.replies.size > 12) expect(broken).toMatchObject({ name: 'WorkerDied' })
    await live({ recipe, disk: other, batch: 3, order: 'f', mishap })
    expect(other.contents(recipe)).toBe(disk.contents(recipe))
  })

  test('repeats no call of its trial', async () => {
    const { contents, keys } = await whole
    const disk = new Disk()
    await live({ recipe, disk, isTrial: true, order: 'g' })
    const tried = [...disk.replies.keys()].filter((key) => keys.has(key)).length
    if (keys.size > 0) expect(tried).toBeGreaterThan(0)
    const { made } = await live({ recipe, disk })
    expect(made).toBe(keys.size - tried)
    expect(disk.contents(recipe)).toBe(contents)
  })
})

afterEach(() => vi.restoreAllMocks())

/** Replaces a method of a member by one that throws at some of its calls; `times` counts them. */
function breakMember(member: object, method: string, isBad: (call: number, first: unknown) => boolean) {
  const counted = { times: 0 }
  const own: unknown = Reflect.get(member, method)
  if (typeof own !== 'function') throw new TypeError(`${method} is no method`)
  let calls = 0
  const broken = function (this: unknown, ...given: unknown[]): unknown {
    calls += 1
    if (isBad(calls, given[0])) {
      counted.times += 1
      throw new Error('a bug in it')
    }
    return Reflect.apply(own, this, given)
  }
  Reflect.set(member, method, broken)
  return { counted, repair: () => Reflect.set(member, method, own) }
}

const SENTENCE = 'the step failed: a bug in it'
const recipeOf = (name: string): CheckedRecipe => readRecipe(RECIPES.find(([own]) => own === name)?.[1])

/** Members that work on a row at a time, with the method that does. */
const BY_ROW: readonly (readonly [string, object, string])[] = [
  ...completers.map((member) => [`complete: ${member.name}`, member, 'write'] as const),
  ...completers.map((member) => [`complete: ${member.name}`, member, 'plan'] as const),
  ...filterMembers.map((member) => [`filter: ${member.name}`, member, 'decide'] as const),
  ...stageMembers.flatMap((member) =>
    'each' in member ? [[`${member.family}: ${member.name}`, member, 'each'] as const] : [],
  ),
]

test.each(BY_ROW)(
  '%s that throws at a row drops this row alone, with its sentence (%#)',
  async (name, member, method) => {
    const recipe = recipeOf(name)
    const disk = new Disk()
    const { counted, repair } = breakMember(
      member as Record<string, unknown>,
      method,
      (call) => call % 4 === 2,
    )
    try {
      const { finished, funnel } = await live({ recipe, disk })
      expect(finished).toBe(true)
      expect(counted.times).toBeGreaterThan(0)
      const failed = funnel.flatMap(({ reasons }) => reasons).filter(({ reason }) => reason === SENTENCE)
      expect(failed.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(counted.times)
      const rows = [...disk.rows.values()]
      expect(rows.some(({ decisions }) => !JSON.stringify(decisions).includes(SENTENCE))).toBe(true)
      expect(JSON.parse(disk.contents(recipe))).toMatchObject({ funnel })
    } finally {
      repair()
    }
  },
)

/** Members that see all rows. */
const TOGETHER: readonly (readonly [string, object & { readonly title: string }, string])[] = [
  ...growMembers.map((member) => [`grow: ${member.name}`, member, 'grow'] as const),
  ...stageMembers.flatMap((member) =>
    'together' in member ? [[`${member.family}: ${member.name}`, member, 'together'] as const] : [],
  ),
  ...keepMembers.map((member) => [`keep: ${member.name}`, member, 'select'] as const),
]

test.each(TOGETHER)(
  '%s that throws ends the run with a sentence that names it, and nothing is lost',
  async (name, member, method) => {
    const recipe = recipeOf(name)
    const { contents, keys } = await runWhole(recipe)
    const disk = new Disk()
    const { repair } = breakMember(member, method, () => true)
    try {
      await expect(live({ recipe, disk })).rejects.toMatchObject({
        name: 'Unexpected',
        message: expect.stringContaining(`The step “${member.title}” failed: a bug in it.`),
      })
    } finally {
      repair()
    }
    const stored = disk.replies.size
    const { made } = await live({ recipe, disk })
    expect(made).toBe(keys.size - stored)
    expect(disk.contents(recipe)).toBe(contents)
  },
)

test(
  'a run in the database ends the same after the worker dies at results all over it',
  { timeout: 120_000 },
  async () => {
    const text = RECIPE.replace(
      '  - complete: teacher\n',
      '  - filter: length\n    min: 5\n  - complete: teacher\n',
    )
      .replace(
        '  - filter: length\n    min: 6\n',
        '  - complete: teacher\n    temperature: 0.2\n  - filter: length\n    min: 6\n  - compare: pairwise\n',
      )
      .replace(
        '  - judge: rubric\n',
        '  - judge: rubric\n  - filter: novelty\n    threshold: 0.8\n  - judge: rubric\n    rubric: correctness@1\n',
      )
    const recipe = readRecipe(text)
    const whole = await makeMachines()
    const wholeProject = await makeSmallProject(whole)
    const run = await finish(
      startRun(whole, { projectId: wholeProject, recipe, teacher: DESCRIPTION }, new RunControl()),
    )
    const outcome = await outcomeOf(whole, wholeProject, run.id)
    const results = whole.standIn.resultCount
    expect(results).toBeGreaterThan(12)
    for (let at = 1; at < results; at += Math.max(3, Math.floor(results / 7))) {
      const machines = await makeMachines()
      const projectId = await makeSmallProject(machines)
      machines.standIn.beforeResult = (given) => {
        if (given === at) machines.kill('teacher')
      }
      await expect(
        finish(startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl())),
      ).rejects.toMatchObject({ name: 'WorkerDied' })
      const [failed] = await listRuns(machines.db, projectId)
      const again = await makeMachines({ db: machines.db })
      await finish(resumeRun(again, { projectId, runId: failed!.id, teacher: DESCRIPTION }, new RunControl()))
      expect(await outcomeOf(again, projectId, failed!.id), `after death before result ${at}`).toEqual(
        outcome,
      )
      // What was given before the death is in the journal.
      expect(again.standIn.resultCount, `after death before result ${at}`).toBe(results - at)
    }
  },
)
