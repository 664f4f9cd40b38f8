// Knows: the settings that every train step has, whatever the student learns from.
import { choice, realNumber, toggle, wholeNumber } from '../../domain/settings.ts'
import { CURRICULA, OPTIMIZER_NAMES, SCHEDULE_NAMES, STUDENT_PRESETS } from '../../domain/student.ts'

/** In the order of the form: what it is, how long, how. */
export const commonSettings = {
  preset: choice({
    label: 'Size',
    help: 'Nano has about 0.1 million parameters, micro 0.4, small 0.9, fair 2, medium 3, large 10, huge 29.',
    choices: STUDENT_PRESETS, default: 'micro',
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
  accumulate: wholeNumber({
    label: 'Parts of a step',
    help: 'The rows of a step are taken in so many parts: the same result in less memory, and slower.',
    from: 1, to: 64, default: 1, unit: 'parts',
  }),
  packing: toggle({
    label: 'Pack rows',
    help: 'Short rows share a line of the context without seeing each other: less is padded, so more rows fit in a step.',
    default: false,
  }),
  curriculum: choice({
    label: 'Order',
    help: 'Short rows first in the first pass, or any order.',
    choices: CURRICULA, default: 'none',
  }),
  optimizer: choice({
    label: 'Optimizer',
    help: 'AdamW is quick and forgiving; Muon learns more from each step of a larger student, and its steps take longer.',
    choices: OPTIMIZER_NAMES, default: 'adam-w',
  }),
  learningRate: realNumber({
    label: 'Learning rate',
    help: 'Largest size of a change; rises first and then follows the schedule.',
    from: 0.000001, to: 0.1, default: 0.002, step: 0.0001,
  }),
  schedule: choice({
    label: 'Schedule',
    help: 'How the learning rate falls: along a cosine to a tenth, straight to nothing, not at all, or late (the last fifth).',
    choices: SCHEDULE_NAMES, default: 'cosine',
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
  dropout: realNumber({
    label: 'Dropout',
    help: 'Share of each layer’s work that is left out at random in training, against learning few rows by heart.',
    from: 0, to: 0.5, default: 0, step: 0.01,
  }),
  averaging: realNumber({
    label: 'Averaging',
    help: 'Decay of a running average of the weights, which then is the student; 0 keeps none, 0.99 averages about 100 steps.',
    from: 0, to: 0.999, default: 0, step: 0.01,
  }),
  patience: wholeNumber({
    label: 'Patience',
    help: 'Looks without a better held-out loss after which training ends and the best weights are kept; 0 goes on to the last step.',
    from: 0, to: 1000, default: 0, unit: 'looks',
  }),
  evaluateEvery: wholeNumber({
    label: 'Look every',
    help: 'Steps between held-out losses, samples and checkpoints.',
    from: 1, to: 100_000, default: 25, unit: 'steps',
  }),
} as const
