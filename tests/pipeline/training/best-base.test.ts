// Knows: which student is preselected to start from.
import { expect, it } from 'vitest'
import { contentId } from '../../../src/domain/id.ts'
import type { Student } from '../../../src/domain/student.ts'
import { findBestBase } from '../../../src/pipeline/training/best-base.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const [here, elsewhere] = [contentId('dataset', 1), contentId('dataset', 2)]
const student = (
  name: string,
  datasetId: Student['datasetId'],
  losses: readonly number[],
  loss?: 'grpo',
) => ({
  name,
  datasetId,
  settings: (loss ? { ...SMALL_TRAINING, loss } : SMALL_TRAINING) as Student['settings'],
  points: losses.map((heldOut, i) => ({ step: i + 1, train: 1, heldOut })),
})

it('is the best on held-out rows, not the newest', () => {
  const bases = [
    student('newest', here, [3.5, 3.1]),
    student('best', here, [2.2, 2.9]),
    student('old', here, [2.8]),
  ]
  expect(findBestBase(bases, here)?.name).toBe('best')
})
it('is one of the same dataset if there is one, and never one whose loss is a share of wrong answers', () => {
  const bases = [
    student('rewarded', here, [0.3], 'grpo'),
    student('elsewhere', elsewhere, [1]),
    student('here', here, [2]),
  ]
  expect(findBestBase(bases, here)?.name).toBe('here')
  expect(findBestBase(bases.slice(0, 2), here)?.name).toBe('elsewhere')
})
it('is the newest if none was evaluated', () => {
  expect(findBestBase([student('newest', here, []), student('old', here, [])], here)?.name).toBe('newest')
  expect(findBestBase([], here)).toBeUndefined()
})
