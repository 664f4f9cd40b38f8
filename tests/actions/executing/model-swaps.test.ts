import { describe, expect, test } from 'vitest'
import { castModels, RoleModels, studentModel } from '../../../src/actions/executing/role-models.ts'
import { ModelSwaps } from '../../../src/actions/executing/model-swaps.ts'
import { contentId, freshId } from '../../../src/domain/id.ts'
import { makeMachines } from '../../stand-ins/machines.ts'
import { makeStudent } from '../../stand-ins/sample-project.ts'
import { describeAs, DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { castInTurns, sized } from '../../stand-ins/turns.ts'

const signal = new AbortController().signal

/** Machines whose teacher alone is loaded; the sizes are in MiB, of which 614 fit. */
async function begin(sizes: Readonly<Record<string, number>>) {
  const machines = await makeMachines()
  const { teacher = 400, judge = 400, ...own } = sizes
  const models = {
    teacher: sized(DESCRIPTION, teacher),
    judge: sized(OTHER, judge),
    ...Object.fromEntries(Object.entries(own).map(([role, mib]) => [role, sized(describeAs(role), mib)])),
  }
  for (const [role, model] of Object.entries(models)) machines.standInOf(role).description = model
  const sentences: string[] = []
  const cast = castInTurns(models)
  const swaps = new ModelSwaps(machines, cast, (sentence) => sentences.push(sentence))
  const loaded = async (): Promise<string[]> => {
    const names = await Promise.all(
      Object.keys(models).map(async (role) =>
        (await machines.models.of(role).describe(null)) ? [role] : [],
      ),
    )
    return names.flat()
  }
  return { machines, swaps, loaded, sentences, cast }
}

describe('models that take turns', () => {
  test('are loaded one in place of the other, and announced; what is loaded already is not loaded again', async () => {
    const { machines, swaps, loaded, sentences } = await begin({})
    await swaps.bring('teacher', signal)
    expect([machines.standIn.loads.length, await loaded()]).toEqual([0, ['teacher']])
    expect([swaps.isAtHand('teacher'), swaps.isAtHand('judge')]).toEqual([true, false])
    await swaps.bring('judge', signal)
    expect(await loaded()).toEqual(['judge'])
    expect(sentences[0]).toBe('Loading Other, the judge, in place of Stand-in.')
    expect(sentences.at(-1)).toBe('')
    await swaps.bring('judge', signal)
    expect(machines.judgeStandIn.loads).toMatchObject([
      { source: { kind: 'stored' }, backend: 'wasm', contextLength: 2048, keep: false },
    ])
    await swaps.bring('teacher', signal)
    expect(await loaded()).toEqual(['teacher'])
    expect(swaps.isAtHand('judge')).toBe(false)
  })

  test('stay as long as they fit: of three, the one that was not used for longest makes room', async () => {
    const { swaps, loaded } = await begin({ teacher: 300, judge: 300, critic: 250 })
    await swaps.bring('judge', signal)
    expect(await loaded()).toEqual(['teacher', 'judge'])
    await swaps.bring('teacher', signal)
    await swaps.bring('critic', signal)
    expect(await loaded()).toEqual(['teacher', 'critic'])
    await swaps.bring('judge', signal)
    expect(await loaded()).toEqual(['judge', 'critic'])
  })

  test('a role without a model of its own, and a model on a server, need no swap', async () => {
    const { machines, cast } = await begin({})
    const swaps = new ModelSwaps(machines, {
      ...castInTurns({ teacher: cast.teacher }),
      judge: { ...OTHER, backend: 'server' },
    })
    await swaps.bring('critic', signal)
    await swaps.bring('judge', signal)
    expect([machines.standIn.unloads, machines.judgeStandIn.loads.length]).toEqual([0, 0])
    expect([swaps.isAtHand('critic'), swaps.isAtHand('judge')]).toEqual([true, true])
  })

  test('a student’s calls are those of no model that takes turns', async () => {
    const { machines, cast, loaded } = await begin({})
    const models = castModels(machines, cast)
    const student = studentModel(
      machines.student,
      makeStudent(freshId('project'), freshId('student'), { id: contentId('dataset', 1) }),
      'before',
    )
    const of = new RoleModels((role) => (role === 'student before' ? student : models(role)), {
      swaps: new ModelSwaps(machines, cast),
    })
    await of.prepare('judge', signal)
    expect([of.isAtHand('student before'), of.isAtHand('teacher')]).toEqual([true, false])
    await of.prepare('student before', signal)
    expect([machines.standIn.loads.length, await loaded()]).toEqual([0, ['judge']])
    await of.prepare('teacher', signal)
    expect(await loaded()).toEqual(['teacher'])
  })

  test('another model in its place is refused in a sentence and unloaded, not called', async () => {
    const { machines, swaps, loaded } = await begin({})
    machines.judgeStandIn.description = { ...sized(OTHER, 400), contextLength: 512 }
    await expect(swaps.bring('judge', signal)).rejects.toMatchObject({
      name: 'ModelMissing',
      message: expect.stringContaining('Load Other for the judge as before, then resume.'),
    })
    expect(await loaded()).toEqual([])
  })

  test('a load that is aborted is made again by the next call', async () => {
    const { machines, swaps, loaded } = await begin({})
    const abort = new AbortController()
    machines.judgeStandIn.beforeLoad = (loads) => {
      if (loads === 1) {
        abort.abort()
        throw abort.signal.reason
      }
    }
    await expect(swaps.bring('judge', abort.signal)).rejects.toMatchObject({ name: 'AbortError' })
    await swaps.bring('judge', signal)
    expect(await loaded()).toEqual(['judge'])
  })
})
