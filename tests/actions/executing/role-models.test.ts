import { expect, test } from 'vitest'
import { castModels, RoleModels } from '../../../src/actions/executing/role-models.ts'
import { makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'

test('two models on this machine make one call at a time; a server works at the same time, and so do two servers', async () => {
  const machines = await makeMachines()
  const server = (description: typeof OTHER): typeof OTHER => ({ ...description, backend: 'server' })
  const share = (teacher: typeof OTHER, judge?: typeof OTHER): boolean => {
    const models = new RoleModels(castModels(machines, { teacher, ...(judge ? { judge } : {}) }))
    return models.machineOf('teacher') === models.machineOf('judge')
  }
  expect(share(DESCRIPTION)).toBe(true)
  expect(share(DESCRIPTION, OTHER)).toBe(true)
  expect(share(DESCRIPTION, { ...OTHER, backend: 'webgpu' })).toBe(true)
  expect(share(DESCRIPTION, server(OTHER))).toBe(false)
  expect(share(server(DESCRIPTION), OTHER)).toBe(false)
  expect(share(server(DESCRIPTION), server(OTHER))).toBe(false)
  expect(share(server(DESCRIPTION))).toBe(true)
})

test('a judge that is the teacher’s model has the teacher’s calls, another one its own', async () => {
  const machines = await makeMachines()
  const identities = (judge?: typeof OTHER) => {
    const models = castModels(machines, { teacher: DESCRIPTION, ...(judge ? { judge } : {}) })
    return [models('teacher').identity, models('judge').identity]
  }
  const [teacher, same] = identities()
  expect(same).toEqual(teacher)
  const [, other] = identities(OTHER)
  expect(other).not.toEqual(teacher)
})
