// Knows: when the page may say that a student memorises its rows, on constructed curves.
import { describe, expect, it } from 'vitest'
import type { LossPoint, Student } from '../../../src/domain/student.ts'
import { adviseOnMemorising } from '../../../src/pipeline/advice/memorising.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const settings: Student['settings'] = { ...SMALL_TRAINING, steps: 150, evaluateEvery: 25 }
const curve = (...losses: readonly (readonly [train: number, heldOut: number])[]): LossPoint[] =>
  losses.map(([train, heldOut], i) => ({ step: 25 * (i + 1), train, heldOut }))

describe('adviseOnMemorising', () => {
  it('names the step with the lowest held-out loss and the number of rows', () => {
    const points = curve([4, 4.1], [2, 3.2], [1, 3.5], [0.4, 4.1])
    expect(adviseOnMemorising({ points, settings }, 9)).toEqual({
      id: 'memorising',
      sentence: expect.stringMatching(
        /^Held-out loss was lowest at step 50 \(3\.20\) and has risen since \(4\.10 at step 100\): the student is memorising its 9 rows\./,
      ) as string,
      remedy: {
        label: 'Set Steps to 50 for the next one',
        change: { kind: 'set-training', field: 'steps', value: 50 },
      },
    })
  })

  it.each([
    ['held-out loss still falls', curve([4, 4.1], [2, 3.2], [1, 3.1], [0.4, 3])],
    ['one evaluation alone is worse', curve([4, 4.1], [2, 3.2], [1, 3.6])],
    ['the rise is in the noise', curve([4, 4.1], [2, 3.2], [1, 3.21], [0.9, 3.22])],
    ['the training loss rises too, which is divergence', curve([4, 4.1], [2, 3.2], [5, 6], [9, 9])],
    ['nothing is held out', [{ step: 25, train: 2 }]],
    ['there is no point', []],
  ] as const)('is silent if %s', (_, points) => {
    expect(adviseOnMemorising({ points, settings }, 9)).toBeUndefined()
  })

  it('is silent for objectives that start from a student, which have their own advice', () => {
    const points = curve([4, 4.1], [2, 3.2], [1, 3.5], [0.4, 4.1])
    const dpo: Student['settings'] = { ...settings, loss: 'dpo', beta: 0.1 }
    expect(adviseOnMemorising({ points, settings: dpo }, 9)).toBeUndefined()
  })
})
