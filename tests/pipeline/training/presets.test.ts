import { expect, test } from 'vitest'
import { STUDENT_PRESETS } from '../../../src/domain/student.ts'
import { countPresetParameters, shapeOf } from '../../../src/pipeline/training/presets.ts'
import { checkRecipe } from '../../../src/pipeline/recipes/check-recipe.ts'
import { defaultRecipe, defaultStep } from '../../../src/pipeline/recipes/default-recipe.ts'
import { readSteps } from '../../../src/pipeline/recipes/read-steps.ts'
import { trainMembers } from '../../../src/pipeline/training/index.ts'

test('has presets of about 0.1, 0.4, 0.9, 1.8, 3, 10 and 29 million parameters at a vocabulary of 1024', () => {
  const millions = STUDENT_PRESETS.map((preset) => countPresetParameters(preset, 1024) / 1e6)
  ;[0.1, 0.4, 0.9, 1.8, 3, 10, 29].forEach((wanted, i) =>
    expect(Math.abs(millions[i]! / wanted - 1), STUDENT_PRESETS[i]).toBeLessThanOrEqual(0.05),
  )
})

test('has a valid decoder shape for every preset', () => {
  for (const preset of STUDENT_PRESETS) {
    const { width, heads, kvHeads, vocabulary, context } = shapeOf(preset, 777, 99)
    expect([vocabulary, context]).toEqual([777, 99])
    expect(heads % kvHeads).toBe(0)
    expect((width / heads) % 2).toBe(0)
  }
})

const common = {
  preset: 'nano',
  context: 256,
  steps: 7,
  batchSize: 8,
  gradientAccumulation: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'adam-w',
  learningRate: 0.002,
  schedule: 'cosine',
  warmUp: 0.05,
  weightDecay: 0.1,
  maxGradientNorm: 1,
  dropout: 0,
  emaDecay: 0,
  patience: 0,
  evaluateEvery: 25,
  rngSeed: 42,
}
const distillation = { temperature: 1, topK: 16, textShare: 0.1, hiddenShare: 0 }
const OWN: Readonly<Record<string, object>> = {
  'teacher-text': { vocabulary: 1024, labelSmoothing: 0 },
  'forward-kl': distillation,
  'reverse-kl': distillation,
  'jensen-shannon': distillation,
  'on-policy': {
    divergence: 'forward-kl',
    lambda: 0.5,
    textWarmUp: 0.3,
    temperature: 1,
    topK: 16,
    maxTokens: 96,
    samplingTemperature: 1,
  },
  dpo: { beta: 0.1 },
  simpo: { beta: 2, margin: 0.5 },
  orpo: { beta: 0.1 },
  kto: { beta: 0.1 },
  lora: {
    context: 128,
    batchSize: 4,
    optimizer: 'adam-w',
    learningRate: 0.0005,
    weightDecay: 0,
    evaluateEvery: 20,
    rank: 8,
    alpha: 16,
    projections: 'all',
  },
  grpo: { completionsPerPrompt: 8, maxTokens: 96, temperature: 1, beta: 0, evaluateEvery: 10 },
  classes: { vocabulary: 1024, softShare: 0, temperature: 1, labelSmoothing: 0, batchSize: 16 },
}
test.each(trainMembers)(
  'gives the student worker the settings of $name and the recipe’s rngSeed',
  (member) => {
    const startsFromStudent = !('preset' in member.settings)
    const recipe = checkRecipe({
      ...defaultRecipe(),
      rngSeed: 42,
      steps: [
        ...defaultRecipe().steps.slice(0, -1),
        { ...defaultStep(member), settings: startsFromStudent ? { steps: 7 } : { preset: 'nano', steps: 7 } },
      ],
    })
    if (!recipe.ok) throw new Error(recipe.problems.map(({ sentence }) => sentence).join(' '))
    // If it starts from a student, it gets that student's size once one is chosen.
    const shared = startsFromStudent ? { ...common, preset: 'micro', learningRate: 0.0003 } : common
    expect(readSteps(recipe.value).train?.settings).toEqual({
      loss: member.name,
      ...shared,
      ...OWN[member.name],
    })
  },
)
