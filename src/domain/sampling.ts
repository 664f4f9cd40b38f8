// Knows: how tokens are sampled.

/** How tokens are sampled. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number
  /** 0 keeps all. */
  readonly topK: number
  /** 1 keeps all. */
  readonly topP: number
  /** 0 keeps all. */
  readonly minP: number
  /** 1 changes nothing. */
  readonly repetitionPenalty: number
  /** Max tokens of the completion. */
  readonly maxTokens: number
  /** Texts at which the completion ends; not part of it. Up to 8. */
  readonly stop: readonly string[]
  /** Seed of this row's samples alone. */
  readonly rngSeed: string
}

/** Sampling settings that not every teacher supports; all support temperature and max tokens. */
export const SAMPLING_NAMES = ['topK', 'topP', 'minP', 'repetitionPenalty'] as const
export type SamplingName = (typeof SAMPLING_NAMES)[number]

export const GREEDY: Omit<Sampling, 'maxTokens' | 'rngSeed'> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  stop: [],
}
