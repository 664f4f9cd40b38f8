import { expect, test } from 'vitest'
import { castOfRun, listRecorded, recordCast } from '../../../src/actions/run/recorded-cast.ts'
import { limitCast, makeCast } from '../../../src/domain/cast.ts'
import { refOf } from '../../../src/domain/model-card.ts'
import { describeAs, DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'

const critic = { ...describeAs('Critic'), backend: 'server' } as const
const cast = makeCast(DESCRIPTION, [
  ['judge', OTHER],
  ['critic', critic],
  ['embedder', describeAs('Embedder')],
])
const loadedWith = { backend: 'wasm', contextLength: 2048 }

test('records every role’s model, and how each was loaded that no server runs', () => {
  expect(recordCast(cast)).toEqual({
    teacher: refOf(DESCRIPTION.card),
    loadedWith,
    judge: refOf(OTHER.card),
    judgeLoadedWith: loadedWith,
    models: {
      critic: { model: refOf(critic.card) },
      embedder: { model: refOf(describeAs('Embedder').card), loadedWith },
    },
  })
  expect(recordCast(makeCast(DESCRIPTION, []))).toEqual({ teacher: refOf(DESCRIPTION.card), loadedWith })
})

test('records only the models of roles that a recipe has', () => {
  expect(listRecorded(recordCast(limitCast(cast, ['critic']))).map(([role]) => role)).toEqual([
    'teacher',
    'critic',
  ])
})

test('a resume takes the recorded models and no other one, and names the role whose model is missing', () => {
  const run = recordCast(limitCast(cast, ['teacher', 'critic']))
  expect(castOfRun(run, cast)).toEqual(limitCast(cast, ['critic']))
  expect(() => castOfRun(run, makeCast(DESCRIPTION, [['judge', OTHER]]))).toThrow(
    'In this run the critic is Critic, but the critic has no model of its own now. Load Critic for the critic to resume it, or start a new run.',
  )
  expect(() => castOfRun(run, makeCast(DESCRIPTION, [['critic', OTHER]]))).toThrow('Other is the critic now')
})
