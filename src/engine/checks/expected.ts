// Knows: PyTorch's losses for the small decoder of small.ts, from the same weights and batches. Data, no logic.
// Created by tests/oracles/train-step.py; a test compares them with the numbers saved there.

/** 20 steps of AdamW on the texts. */
export const TEXT_LOSSES: readonly number[] = [
  7.680519, 7.383761, 6.943917, 6.288109, 5.760166, 5.663999, 5.364288, 5.526776, 5.401196, 4.862842,
  5.236755, 5.007329, 4.464314, 4.930453, 5.505128, 5.391964, 5.278506, 5.405658, 5.065681, 4.98661,
]

/** Three steps on long rows, by tests/oracles/long-rows.py. */
export const LONG_LOSSES: readonly number[] = [6.140594, 6.057968, 6.268839]

/** The first five steps with each of the options and losses. */
export const OPTION_LOSSES = {
  muon: [7.680519, 7.558636, 7.455883, 6.739199, 6.185621],
  smoothing: [7.518689, 7.245329, 6.879668, 6.351941, 5.727549],
  dropout: [7.550411, 7.418045, 6.42693, 5.94641, 4.984756],
  'forward-kl': [2.654792, 2.546958, 2.456865, 2.201101, 1.930023],
  'reverse-kl': [2.263641, 2.180572, 2.121681, 2.032373, 1.744544],
  'jensen-shannon': [2.027168, 1.942829, 1.857769, 1.737642, 1.566357],
} as const satisfies Readonly<Record<string, readonly number[]>>

/** The first five steps with each of the losses on pairs of answers. */
export const PREFERENCE_LOSSES = {
  dpo: [8.753524, 10.320878, 6.595671, 5.074278, 3.602565],
  simpo: [1.358033, 1.368261, 1.096993, 0.884879, 1.013586],
  orpo: [8.634579, 8.081355, 7.630426, 7.852452, 5.84549],
  kto: [0.507643, 0.551589, 0.593455, 0.528846, 0.606536],
} as const satisfies Readonly<Record<string, readonly number[]>>

/**
 * The first three steps of the same decoder with a class head, on labels, and on labels and a teacher's probabilities;
 * by tests/oracles/classes.py.
 */
export const CLASS_LOSSES = {
  hard: [3.865614, 4.112673, 5.017537],
  both: [4.249584, 3.799993, 1.936088],
} as const satisfies Readonly<Record<string, readonly number[]>>
