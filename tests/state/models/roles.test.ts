import { afterEach, describe, expect, test } from 'vitest'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import { makeProject } from '../../../src/domain/project.ts'
import type { Role } from '../../../src/domain/role.ts'
import type { Machines } from '../../../src/actions/machines.ts'
import type { LoadRequest } from '../../../src/protocol/teacher.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { Models } from '../../../src/state/models/models.svelte.ts'
import { Roles } from '../../../src/state/models/roles.svelte.ts'
import { modelOf } from '../../../src/domain/cast.ts'
import { RunModels } from '../../../src/state/models/run-models.svelte.ts'
import { TeacherRecall } from '../../../src/state/models/teacher-recall.svelte.ts'
import { getProject, putProject } from '../../../src/storage/projects.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { makeEnvironment } from '../make-environment.ts'

const NAMES = ['first.gguf', 'second.gguf'] as const
const cardOf = (source: LoadRequest['source']): ModelCard => {
  const name =
    source.kind === 'url'
      ? source.url.slice(source.url.lastIndexOf('/') + 1)
      : source.kind === 'stored'
        ? source.name
        : 'student'
  return {
    ...DESCRIPTION.card,
    name,
    fileName: name,
    fingerprint: name,
    memoryBytes: { wasm: (sizes.get(name) ?? 0) * 2 ** 20 || 1000, webgpu: 10 },
  }
}

/** MiB of a model by its name; absent: next to nothing. */
const sizes = new Map<string, number>()
afterEach(() => sizes.clear())

/** A worker that loads every model; `loads` has its requests. */
function makeWorker(
  loads: LoadRequest[],
  findError = (): Error | undefined => undefined,
): Partial<Machines['teacher']> {
  let loaded: typeof DESCRIPTION | null = null
  return {
    inspect: async ({ source }) => cardOf(source),
    load: async (request) => {
      loads.push(request)
      const error = findError()
      if (error) throw error
      return (loaded = { ...DESCRIPTION, card: cardOf(request.source), contextLength: request.contextLength })
    },
    describe: async () => loaded,
    unload: async () => (loaded = null),
  }
}

async function begin() {
  const fail: { judge?: Error } = {}
  const loads = { teacher: [] as LoadRequest[], judge: [] as LoadRequest[], critic: [] as LoadRequest[] }
  const env = await makeEnvironment({
    teacher: makeWorker(loads.teacher),
    others: { judge: makeWorker(loads.judge, () => fail.judge), critic: makeWorker(loads.critic) },
  })
  const project = makeProject('Roles', 1)
  await putProject(env.machines.db, project)
  const roles = new Roles(env)
  const fetch = async (address: string): Promise<Response> =>
    address.endsWith('models/index.json')
      ? Response.json(NAMES.map((name) => ({ name, bytes: 10, url: `models/${name}` })))
      : new Response('', { status: 404 })
  const parts = {
    models: new Models({ ...env, fetch }),
    students: () => [],
    lastName: undefined,
    makeRoom: (role: Role) => roles.makeRoom(role),
  }
  const runModels = new RunModels(
    roles,
    (role) => new TeacherRecall(env, project.id, { teacher: roles.open(role).teacher, ...parts }),
  )
  const load = (role: Role, name: string) =>
    roles
      .open(role)
      .teacher.chooseAndLoad({ source: { kind: 'url', url: `models/${name}` }, name }, project.id)
  return { fail, env, project, roles, loads, runModels, load }
}
const ref = (name: string) => ({ name, fingerprint: name, quantisation: 'F32' })

describe('roles', () => {
  test('the teacher judges until the judge has a model of its own, and again when that is unloaded', async () => {
    const { project, roles, load } = await begin()
    expect(roles.cast).toBeUndefined()
    await load('teacher', 'first.gguf')
    expect(roles.cast).not.toHaveProperty('judge')
    expect(roles.judging?.card.name).toBe('first.gguf')
    await load('judge', 'second.gguf')
    expect([roles.cast?.teacher.card.name, roles.cast?.judge?.card.name]).toEqual([...NAMES])
    expect(roles.judging?.card.name).toBe('second.gguf')
    await roles.letTeacher('judge', project.id)
    expect(roles.cast).not.toHaveProperty('judge')
    expect([roles.judge.choice, roles.judge.description]).toEqual([undefined, undefined])
    expect(roles.teacher.description?.card.name).toBe('first.gguf')
  })

  test('a model is loaded in its role’s worker alone, and remembered by its project for that role', async () => {
    const { env, project, roles, loads, load } = await begin()
    await load('judge', 'second.gguf')
    expect([loads.teacher.length, loads.judge.length]).toEqual([0, 1])
    expect(await getProject(env.machines.db, project.id)).not.toHaveProperty('teacherName')
    await load('teacher', 'first.gguf')
    expect([loads.teacher.length, loads.judge.length]).toEqual([1, 1])
    const remembered = async () => {
      const { teacherName, modelNames } = (await getProject(env.machines.db, project.id)) ?? {}
      return [teacherName, modelNames]
    }
    expect(await remembered()).toEqual(['first.gguf', { judge: 'second.gguf' }])
    await load('critic', 'first.gguf')
    expect(await remembered()).toEqual(['first.gguf', { judge: 'second.gguf', critic: 'first.gguf' }])
    await roles.letTeacher('judge', project.id)
    expect(await remembered()).toEqual(['first.gguf', { critic: 'first.gguf' }])
  })

  test('the memory of both is added, and that of a model that takes another one’s place is not', async () => {
    const { roles, load } = await begin()
    await load('teacher', 'first.gguf')
    expect([roles.bytesWith(), roles.bytesWith('judge', 5), roles.bytesWith('teacher', 5)]).toEqual([
      1000, 1005, 5,
    ])
    await load('judge', 'second.gguf')
    expect(roles.bytesWith()).toBe(2000)
  })

  test('a judge that is to be the teacher’s model is recognised before it is loaded', async () => {
    const { roles, load } = await begin()
    await load('teacher', 'first.gguf')
    await roles.judge.choose({ kind: 'url', url: 'models/second.gguf' }, 'second.gguf')
    expect(roles.isTeachers('judge')).toBe(false)
    await roles.judge.choose({ kind: 'url', url: 'elsewhere/first.gguf' }, 'the same')
    expect(roles.isTeachers('judge')).toBe(true)
  })

  test('a role of a recipe’s own has the teacher’s model until it has one of its own, next to all others', async () => {
    const { roles, load } = await begin()
    await load('teacher', 'first.gguf')
    expect(roles.listWith(['teacher', 'critic'])).toEqual(['teacher', 'judge', 'critic'])
    expect(modelOf(roles.cast!)('critic').card.name).toBe('first.gguf')
    await load('judge', 'second.gguf')
    await load('critic', 'second.gguf')
    expect(roles.cast).toMatchObject({
      teacher: { card: { name: 'first.gguf' } },
      judge: { card: { name: 'second.gguf' } },
      models: { critic: { card: { name: 'second.gguf' } } },
    })
    expect(roles.bytesWith()).toBe(3000)
    expect(roles.listWith([])).toEqual(['teacher', 'judge', 'critic'])
  })

  test('the recipe’s check reads the judge’s own model for the role of the judge', () => {
    expect(modelOf({ teacher: DESCRIPTION })('judge')).toBe(DESCRIPTION)
    const two = modelOf({ teacher: DESCRIPTION, judge: OTHER })
    expect([two('judge'), two('teacher'), two('critic')]).toEqual([OTHER, DESCRIPTION, DESCRIPTION])
  })
})

describe('the models of a stored run', () => {
  const loaded = { backend: 'wasm', contextLength: 777 } as const
  const run = {
    teacher: ref('first.gguf'),
    loadedWith: loaded,
    judge: ref('second.gguf'),
    judgeLoadedWith: { ...loaded, contextLength: 333 },
  }

  test('are both found and loaded as they were, each in its own worker', async () => {
    const { runModels, loads } = await begin()
    const cast = await runModels.recall(run)
    expect([cast?.teacher.card.name, cast?.judge?.card.name]).toEqual([...NAMES])
    expect([loads.teacher, loads.judge].map((some) => some.map((one) => one.contextLength))).toEqual([
      [777],
      [333],
    ])
    expect(await runModels.recall(run)).toEqual(cast)
    expect([loads.teacher.length, loads.judge.length]).toEqual([1, 1])
  })

  test('of a role of its own are found and loaded as they were too', async () => {
    const { runModels, loads } = await begin()
    const critic = { model: ref('second.gguf'), loadedWith: { ...loaded, contextLength: 444 } }
    const cast = await runModels.recall({ ...run, models: { critic } })
    expect(cast?.models?.['critic']?.card.name).toBe('second.gguf')
    expect(loads.critic.map(({ contextLength }) => contextLength)).toEqual([444])
    expect(
      await runModels.recall({ ...run, models: { critic: { model: ref('lost.gguf') } } }),
    ).toBeUndefined()
    expect(runModels.waitsFor).toEqual([expect.stringContaining('Resume needs lost.gguf for the critic')])
  })

  test('are the teacher alone if it judged, whatever else is loaded', async () => {
    const { runModels, load, loads } = await begin()
    await load('judge', 'second.gguf')
    const cast = await runModels.recall({ teacher: run.teacher, loadedWith: loaded })
    expect(cast).not.toHaveProperty('judge')
    expect(loads.judge).toHaveLength(1)
    expect(
      await runModels.recallJudge({ teacher: run.teacher, loadedWith: loaded, recipeText: 'retort: 2\n' }),
    ).toHaveProperty('teacher')
  })

  test('are named with their roles if they cannot be found, until they are loaded', async () => {
    const { runModels } = await begin()
    expect(await runModels.recall({ ...run, judge: ref('lost.gguf') })).toBeUndefined()
    expect(runModels.waitsFor).toEqual([
      'Resume needs lost.gguf for the judge, which is neither built in nor stored in this browser. Load it on the Teacher screen for the judge, from its file, address or server, then resume.',
    ])
    expect(
      await runModels.recall({ ...run, teacher: ref('gone.gguf'), judge: ref('lost.gguf') }),
    ).toBeUndefined()
    expect(runModels.waitsFor).toHaveLength(2)
    expect(await runModels.recallJudge({ ...run, recipeText: 'retort: 2\n' })).toMatchObject({
      judge: { card: { name: 'second.gguf' } },
    })
  })
})

describe('models that do not fit into memory together', () => {
  async function beginTight() {
    const parts = await begin()
    for (const name of NAMES) sizes.set(name, 400)
    parts.roles.useMemory(1)
    await parts.load('teacher', 'first.gguf')
    return parts
  }

  test('take turns only on request: until then the loaded one stays', async () => {
    const { project, roles } = await beginTight()
    await roles.judge.choose({ kind: 'url', url: 'models/second.gguf' }, 'second.gguf')
    expect(roles.asideFor('judge').map(({ role }) => role)).toEqual(['teacher'])
    expect(roles.teacher.description?.card.name).toBe('first.gguf')
    await roles.loadInTurns('judge', project.id)
    expect([roles.teacher.description, roles.judge.description?.card.name]).toEqual([
      undefined,
      'second.gguf',
    ])
    expect(roles.teacher.available?.card.name).toBe('first.gguf')
    expect(roles.cast).toMatchObject({
      teacher: { card: { name: 'first.gguf' } },
      judge: { card: { name: 'second.gguf' } },
      turns: {
        memory: { memoryGiB: 1 },
        plans: {
          teacher: { source: { kind: 'stored', name: 'first.gguf' } },
          judge: { source: { kind: 'stored', name: 'second.gguf' } },
        },
      },
    })
  })

  test('come back on request, in place of the other; an unloaded one is no longer part of a cast', async () => {
    const { project, roles } = await beginTight()
    await roles.judge.choose({ kind: 'url', url: 'models/second.gguf' }, 'second.gguf')
    await roles.loadInTurns('judge', project.id)
    await roles.bringBack('teacher', project.id)
    expect([roles.teacher.description?.card.name, roles.judge.description]).toEqual(['first.gguf', undefined])
    expect(roles.judge.available?.card.name).toBe('second.gguf')
    await roles.judge.unload()
    expect(roles.cast).not.toHaveProperty('judge')
  })

  test('stay next to each other if they fit, or if one is on a server', async () => {
    const { roles } = await beginTight()
    await roles.judge.choose({ kind: 'url', url: 'models/second.gguf' }, 'second.gguf')
    roles.judge.backend = 'webgpu'
    expect(roles.asideFor('judge')).toEqual([])
    roles.judge.backend = 'wasm'
    expect(roles.asideFor('judge')).toHaveLength(1)
    roles.useMemory(2)
    expect(roles.asideFor('judge')).toEqual([])
  })

  test('of a stored run are set aside for each other by a resume, and are all part of its cast', async () => {
    const { roles, runModels, loads } = await beginTight()
    const critic = { model: ref('second.gguf') }
    const cast = await runModels.recall({ teacher: ref('first.gguf'), models: { critic } })
    expect(cast).toMatchObject({
      teacher: { card: { name: 'first.gguf' } },
      models: { critic: { card: { name: 'second.gguf' } } },
    })
    expect(Object.keys(cast?.turns?.plans ?? {})).toEqual(['teacher', 'critic'])
    expect([roles.teacher.description, loads.teacher.length, loads.critic.length]).toEqual([undefined, 1, 1])
    expect(await runModels.recall({ teacher: ref('first.gguf'), models: { critic } })).toEqual(cast)
    expect([loads.teacher.length, loads.critic.length]).toEqual([1, 1])
  })

  test('are learnt from a load that ran out of memory next to another model', async () => {
    const { project, roles, fail } = await beginTight()
    roles.useMemory(2)
    await roles.judge.choose({ kind: 'url', url: 'models/second.gguf' }, 'second.gguf')
    expect(roles.asideFor('judge')).toEqual([])
    fail.judge = new RetortError('OutOfMemory', 'Too large.')
    await roles.judge.load(project.id)
    expect(roles.judge.loading.error).toBe('Too large.')
    expect(roles.asideFor('judge').map(({ role }) => role)).toEqual(['teacher'])
  })
})
