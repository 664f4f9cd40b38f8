// Knows: that everything that stops a training and can be known is known before it starts.
import { describe, expect, it } from 'vitest'
import { accept, refuse } from '../../../src/domain/problem.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { refuseTraining, type TrainingFacts } from '../../../src/pipeline/training/refuse-training.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'

const { vocabulary, labelSmoothing, loss: _, ...common } = SMALL_TRAINING
const SETTINGS: Readonly<Record<string, TrainSettings>> = {
  text: SMALL_TRAINING,
  dpo: { ...common, loss: 'dpo', beta: 0.1 },
  kto: { ...common, loss: 'kto', beta: 0.1 },
  grpo: { ...common, loss: 'grpo', completionsPerPrompt: 4, maxTokens: 32, temperature: 1, beta: 0 },
  classes: { ...common, loss: 'classes', vocabulary, labelSmoothing, softShare: 0, temperature: 1 },
  softClasses: { ...common, loss: 'classes', vocabulary, labelSmoothing, softShare: 0.5, temperature: 1 },
  lora: { ...common, loss: 'lora', rank: 8, alpha: 16, projections: 'all' },
  kl: { ...common, loss: 'forward-kl', temperature: 1, topK: 8, textShare: 0 },
}
const rows = {
  train: 40,
  heldOut: 4,
  pairs: 10,
  good: 40,
  bad: 20,
  undecided: 0,
  problems: 30,
  knownAnswers: 30,
  classes: accept([]),
}
const all: TrainingFacts = {
  rows,
  base: { checkpointStep: 10 },
  model: { card: undefined },
  teacherLoaded: true,
  storedTeachers: 0,
  backend: 'wasm',
}

describe('refuseTraining', () => {
  it.each(Object.keys(SETTINGS))('finds nothing against %s if everything is there', (name) => {
    expect(refuseTraining(SETTINGS[name]!, all)).toBeUndefined()
  })

  it.each([
    ['text', { rows: undefined }, 'dataset', 'no dataset'],
    ['text', { rows: { ...rows, train: 1 } }, 'dataset', 'too few rows'],
    ['dpo', { rows: { ...rows, pairs: 1 } }, 'objective', 'no pairs'],
    ['kto', { rows: { ...rows, bad: 1 } }, 'objective', 'no pairs'],
    ['grpo', { rows: { ...rows, problems: 0 } }, 'objective', 'no problems'],
    [
      'classes',
      { rows: { ...rows, classes: refuse({ sentence: 'All alike.' }) } },
      'objective',
      'no classes',
    ],
    ['grpo', { base: undefined }, 'base', 'no base student'],
    ['dpo', { base: { checkpointStep: 0 } }, 'base', 'no base student'],
    ['dpo', { base: { checkpointStep: 5, classes: ['a', 'b'] } }, 'base', 'no base student'],
    ['lora', { model: undefined }, 'model', 'no model chosen'],
    ['kl', { teacherLoaded: false }, 'teacher', 'no teacher'],
    ['softClasses', { teacherLoaded: false }, 'teacher', 'no teacher'],
  ] as const)('refuses %s with %o', (name, changed, about, kind) => {
    expect(refuseTraining(SETTINGS[name]!, { ...all, ...(changed as Partial<TrainingFacts>) })).toMatchObject(
      {
        about,
        kind,
        sentence: expect.stringMatching(/\.$/) as string,
      },
    )
  })

  it('needs no pairs for KTO and no teacher if soft targets are stored', () => {
    expect(refuseTraining(SETTINGS['kto']!, { ...all, rows: { ...rows, pairs: 0 } })).toBeUndefined()
    expect(
      refuseTraining(SETTINGS['kl']!, { ...all, teacherLoaded: false, storedTeachers: 1 }),
    ).toBeUndefined()
  })
})
