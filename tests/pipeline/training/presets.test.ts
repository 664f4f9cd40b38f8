import { expect, test } from 'vitest'
import { STUDENT_PRESETS } from '../../../src/domain/student.ts'
import { countPresetParameters, shapeOf } from '../../../src/pipeline/training/presets.ts'
import { teacherText, trainSettingsOf } from '../../../src/pipeline/training/teacher-text.ts'
import { settingsWith } from '../samples.ts'

test('the presets have about 0.1, 0.4, 0.9, 3, 10 and 29 million parameters at a vocabulary of 1024', () => {
  const millions = STUDENT_PRESETS.map((preset) => countPresetParameters(preset, 1024) / 1e6)
  ;[0.1, 0.4, 0.9, 3, 10, 29].forEach((wanted, i) => expect(Math.abs(millions[i]! / wanted - 1), STUDENT_PRESETS[i]).toBeLessThanOrEqual(0.05))
})

test('every preset is a shape that a decoder can have', () => {
  for (const preset of STUDENT_PRESETS) {
    const { width, heads, kvHeads, vocabulary, context } = shapeOf(preset, 777, 99)
    expect([vocabulary, context]).toEqual([777, 99])
    expect(heads % kvHeads).toBe(0)
    expect((width / heads) % 2).toBe(0)
  }
})

test('the student worker is told the step’s settings and the recipe’s rngSeed', () => {
  expect(trainSettingsOf(settingsWith(teacherText, { preset: 'nano', steps: 7 }), 42)).toEqual({
    loss: 'teacher-text', preset: 'nano', vocabulary: 1024, context: 256, steps: 7, batch: 8, accumulate: 1, packing: false, curriculum: 'none', optimizer: 'adam-w', learningRate: 0.002,
    schedule: 'cosine', warmUp: 0.05, weightDecay: 0.1, clip: 1, labelSmoothing: 0, dropout: 0, averaging: 0, patience: 0, evaluateEvery: 25, rngSeed: 42,
  })
})
