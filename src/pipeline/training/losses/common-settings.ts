// Knows: the settings that every loss has.
import { choice, realNumber, toggle, wholeNumber } from '../../../domain/settings.ts'
import { ASSISTANT_TURNS } from './loss.ts'
import { CURRICULA, OPTIMIZER_NAMES, SCHEDULE_NAMES, STUDENT_PRESETS } from '../../../domain/student.ts'

/** In the order of the form: the model, the length of the training, the method. */
export const commonSettings = {
  preset: choice({
    label: 'Size',
    help: 'Approximate parameters in millions: nano 0.1, micro 0.4, small 0.9, fair 2, medium 3, large 10, huge 29.',
    choices: STUDENT_PRESETS,
    default: 'micro',
  }),
  context: wholeNumber({
    label: 'Context length',
    help: 'Max tokens of a training row; longer completions are truncated.',
    from: 32,
    to: 2048,
    default: 256,
    unit: 'tokens',
  }),
  steps: wholeNumber({
    label: 'Steps',
    help: 'Number of weight updates.',
    from: 1,
    to: 1_000_000,
    default: 300,
    unit: 'steps',
  }),
  batchSize: wholeNumber({
    label: 'Batch size',
    help: 'Rows per step; the loss is their mean.',
    from: 1,
    to: 256,
    default: 8,
    unit: 'rows',
  }),
  gradientAccumulation: wholeNumber({
    label: 'Gradient accumulation steps',
    help: 'Micro-batches per batch: more take less memory and more time, with the same result.',
    from: 1,
    to: 64,
    default: 1,
    unit: 'micro-batches',
  }),
  packing: toggle({
    label: 'Pack rows',
    help: 'Packs short rows into one sequence without attention between them: less padding, so more rows fit in a step.',
    default: false,
  }),
  curriculum: choice({
    label: 'Order',
    help: 'Short rows first in the first epoch, or random order.',
    choices: CURRICULA,
    default: 'none',
  }),
  optimizer: choice({
    label: 'Optimizer',
    help: 'AdamW is fast and robust. Muon learns more per step on larger students, but its steps take longer.',
    choices: OPTIMIZER_NAMES,
    default: 'adam-w',
  }),
  learningRate: realNumber({
    label: 'Learning rate',
    help: 'Peak learning rate: reached after warm-up, then it follows the schedule.',
    from: 0.000001,
    to: 0.1,
    default: 0.002,
    step: 0.0001,
  }),
  schedule: choice({
    label: 'Schedule',
    help: 'Decay of the learning rate: cosine to a tenth, linear to zero, none, or only in the last fifth of the steps.',
    choices: SCHEDULE_NAMES,
    default: 'cosine',
  }),
  warmUp: realNumber({
    label: 'Warm-up',
    help: 'Share of the steps during which the learning rate rises.',
    from: 0,
    to: 0.5,
    default: 0.05,
    step: 0.01,
  }),
  weightDecay: realNumber({
    label: 'Weight decay',
    help: 'How strongly weights are pulled towards zero.',
    from: 0,
    to: 1,
    default: 0.1,
    step: 0.01,
  }),
  maxGradientNorm: realNumber({
    label: 'Max gradient norm',
    help: 'Gradients with a larger norm are clipped to it; 0 turns clipping off.',
    from: 0,
    to: 100,
    default: 1,
    step: 0.1,
  }),
  dropout: realNumber({
    label: 'Dropout probability',
    help: 'Probability of dropping a value of a layer’s output during training; reduces overfitting.',
    from: 0,
    to: 0.5,
    default: 0,
    step: 0.01,
  }),
  emaDecay: realNumber({
    label: 'Weight averaging (EMA decay)',
    help: 'Decay of the moving average of the weights, which becomes the student; 0 turns it off, 0.99 averages about 100 steps.',
    from: 0,
    to: 0.999,
    default: 0,
    step: 0.01,
  }),
  patience: wholeNumber({
    label: 'Patience',
    help: 'Evaluations without a better held-out loss before training stops and keeps the best weights; 0 turns it off.',
    from: 0,
    to: 1000,
    default: 0,
    unit: 'evaluations',
  }),
  evaluateEvery: wholeNumber({
    label: 'Evaluate every',
    help: 'Steps between evaluations on the held-out rows, each with samples and a checkpoint.',
    from: 1,
    to: 100_000,
    default: 25,
    unit: 'steps',
  }),
} as const

/** For losses on texts. */
export const assistantTurns = choice({
  label: 'Answers to learn from',
  help: 'In conversations of several turns: only the last answer, or the earlier ones too. Rows of one turn are the same either way.',
  choices: ASSISTANT_TURNS,
  default: 'last',
})

/** For a loss that starts from a student: size and context are replaced by those of that student; neither pairs nor completions are packed. */
export const FROM_STUDENT = { preset: 'micro', context: 256, packing: false } as const
