// Knows: when the page says that a training ended no better than it began.
import { describe, expect, it } from 'vitest'
import type { Student } from '../../../src/domain/student.ts'
import { adviseOnEndedWorse } from '../../../src/pipeline/advice/ended-worse.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const { vocabulary: _, labelSmoothing: __, loss: ___, ...common } = SMALL_TRAINING
const settings: Student['settings'] = {
  ...common,
  loss: 'grpo',
  learningRate: 0.0003,
  completionsPerPrompt: 8,
  maxTokens: 96,
  temperature: 1,
  beta: 0,
}
const curve = (...heldOut: readonly number[]) =>
  heldOut.map((one, i) => ({ step: 10 * i, train: one, heldOut: one }))

describe('adviseOnEndedWorse', () => {
  it('says how it began and ended, and which weights are kept', () => {
    expect(
      adviseOnEndedWorse({ points: curve(0.98, 1, 1), settings, status: 'trained', bestStep: 0 }),
    ).toMatchObject({
      sentence: expect.stringMatching(
        /^This training ended no better than it began: 98 % wrong before the first step, 100 % wrong after step 20\. The weights from before this training are kept\./,
      ) as string,
      remedy: { label: 'Set Learning rate to 0.0001', change: { field: 'learningRate', value: 0.0001 } },
    })
  })
  it.each([
    ['it got better', curve(0.98, 0.7), 'trained'],
    ['it still runs', curve(0.98, 1), 'training'],
    ['it has no evaluation from before (students of 0.1)', curve(0.9, 0.98).slice(1), 'trained'],
  ] as const)('is silent if %s', (_why, points, status) => {
    expect(adviseOnEndedWorse({ points, settings, status, bestStep: 0 })).toBeUndefined()
  })
})
