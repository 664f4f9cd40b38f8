// Knows: the train step that learns from the teacher's texts: cross-entropy on completions (sequence-level distillation, Kim and Rush 2016).
// Must not know: graphs, tensors.
import { choice, realNumber, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { STUDENT_PRESETS, type TrainSettings } from '../../domain/student.ts'
import { defineStep } from '../define-step.ts'

export const teacherText = defineStep({
  family: 'train',
  name: 'teacher-text',
  title: 'Train a student on the texts',
  help: 'A small model learns to write the kept completions; the prompts are read but not learned.',
  settings: {
    preset: choice({
      label: 'Size',
      help: 'Nano has about 0.1 million parameters, micro 0.4, small 0.9, medium 3.',
      choices: STUDENT_PRESETS, default: 'micro',
    }),
    vocabulary: wholeNumber({
      label: 'Vocabulary',
      help: 'Entries of the tokenizer that is trained on the dataset.',
      from: 300, to: 32_000, default: 1024, unit: 'tokens',
    }),
    context: wholeNumber({
      label: 'Context',
      help: 'Tokens of a training row at most; longer completions are cut.',
      from: 32, to: 2048, default: 256, unit: 'tokens',
    }),
    steps: wholeNumber({ label: 'Steps', help: 'Times the weights are changed.', from: 1, to: 1_000_000, default: 300, unit: 'steps' }),
    batch: wholeNumber({
      label: 'Rows of a step',
      help: 'Rows whose loss each step averages.',
      from: 1, to: 256, default: 8, unit: 'rows',
    }),
    learningRate: realNumber({
      label: 'Learning rate',
      help: 'Largest size of a change; rises first and then falls along a cosine.',
      from: 0.000001, to: 0.1, default: 0.002, step: 0.0001,
    }),
    warmUp: realNumber({
      label: 'Warm-up',
      help: 'Share of the steps in which the learning rate rises.',
      from: 0, to: 0.5, default: 0.05, step: 0.01,
    }),
    weightDecay: realNumber({
      label: 'Weight decay',
      help: 'How strongly weights are pulled to zero.',
      from: 0, to: 1, default: 0.1, step: 0.01,
    }),
    clip: realNumber({ label: 'Clip', help: 'Largest norm of a gradient; 0 does not clip.', from: 0, to: 100, default: 1, step: 0.1 }),
    evaluateEvery: wholeNumber({
      label: 'Look every',
      help: 'Steps between held-out losses, samples and checkpoints.',
      from: 1, to: 100_000, default: 25, unit: 'steps',
    }),
  },
})

export type TeacherTextSettings = ValuesOf<typeof teacherText.settings>

/** What the student worker is told: the step's settings and the recipe's rngSeed. */
export const trainSettingsOf = (settings: TeacherTextSettings, rngSeed: number): TrainSettings => ({ loss: 'teacher-text', ...settings, rngSeed })
