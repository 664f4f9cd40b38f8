// Knows: what the page offers before a training on few rows.
import { describe, expect, it } from 'vitest'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { adviseOnFewRows, estimateAdapterMs } from '../../../src/pipeline/advice/few-rows.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const { vocabulary, labelSmoothing, loss: _, ...common } = SMALL_TRAINING
const model = { name: 'SmolLM2', msToTrain: 8 * 60_000 }

describe('adviseOnFewRows', () => {
  it('offers adapters on an available model first, then more rows, each with its time', () => {
    const [first, second, ...rest] = adviseOnFewRows({
      rows: 9,
      settings: SMALL_TRAINING,
      model,
      msPerRow: 4000,
    })
    expect(first).toEqual({
      id: 'few-rows',
      sentence:
        '9 training rows are too few to train a student from scratch: it would learn them by heart. Adapters on SmolLM2 start from what it knows already; training them takes about 8 minutes.',
      remedy: { label: 'Train adapters instead', change: { kind: 'choose-objective', name: 'lora' } },
    })
    expect(second?.sentence).toBe(
      'Or make more rows: 100 or more. At the speed of the last run, 91 more take about 6 minutes.',
    )
    expect(rest).toEqual([])
  })
  it('offers more rows alone without a model, and to a classifier', () => {
    expect(adviseOnFewRows({ rows: 1, settings: SMALL_TRAINING })).toMatchObject([
      {
        id: 'more-rows',
        sentence: expect.stringMatching(/^1 training row is too few .* Make more rows/) as string,
      },
    ])
    const classes: TrainSettings = {
      ...common,
      loss: 'classes',
      vocabulary,
      labelSmoothing,
      softShare: 0,
      temperature: 1,
    }
    expect(adviseOnFewRows({ rows: 30, settings: classes, model })).toHaveLength(1)
    expect(adviseOnFewRows({ rows: 40, settings: classes, model })).toEqual([])
  })
  it.each([
    ['enough rows', 100, SMALL_TRAINING],
    ['adapters', 9, { ...common, loss: 'lora', rank: 8, alpha: 16, projections: 'all' }],
    ['a trained student to start from', 9, { ...common, loss: 'dpo', beta: 0.1 }],
  ] as const)('is silent with %s', (_why, rows, settings) => {
    expect(adviseOnFewRows({ rows, settings, model })).toEqual([])
  })
})

it('estimates adapters by the parameters and the tokens', () => {
  // README: 108 tokens a second at 135 M.
  expect(estimateAdapterMs(135e6, { steps: 100, batchSize: 4 }, 128) / 1000).toBeCloseTo(474, 0)
  expect(estimateAdapterMs(2.7e6, { steps: 100, batchSize: 4 }, 128) / 1000).toBeCloseTo(9.5, 1)
})
