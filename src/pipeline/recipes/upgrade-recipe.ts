// Knows: the setting keys that recipe version 2 renamed, and the settings added since: the only place with the keys of version 1.
// Must not know: YAML, what a setting means.
import type { StepDraft } from '../../domain/recipe.ts'

type Step = Pick<StepDraft, 'family' | 'name'>

const COMMON = {
  batch: 'batchSize',
  accumulate: 'gradientAccumulation',
  clip: 'maxGradientNorm',
  averaging: 'emaDecay',
}
const DIVERGENCE = { ...COMMON, choices: 'topK' }

/** For each step of version 1, its renamed keys: version 1 → version 2. */
const RENAMED_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'train/teacher-text': COMMON,
  'train/forward-kl': DIVERGENCE,
  'train/reverse-kl': DIVERGENCE,
  'train/jensen-shannon': DIVERGENCE,
  'train/on-policy': {
    ...DIVERGENCE,
    ownFrom: 'textWarmUp',
    answerTokens: 'maxTokens',
    answerTemperature: 'samplingTemperature',
  },
  'train/classes': COMMON,
  'train/dpo': COMMON,
  'train/simpo': COMMON,
  'train/orpo': COMMON,
  'train/kto': COMMON,
  'train/grpo': { ...COMMON, answers: 'completionsPerPrompt', answerTokens: 'maxTokens' },
  'train/lora': COMMON,
}

const renamedKeys = ({ family, name }: Step): readonly (readonly [string, string])[] =>
  Object.entries(RENAMED_KEYS[`${family}/${name}`] ?? {})

/** What version 2 calls a key of version 1; undefined if it was not renamed. */
export const findNewKey = (step: Step, key: string): string | undefined =>
  renamedKeys(step).find(([old]) => old === key)?.[1]

/** What version 1 calls a key of version 2; undefined if it was not renamed. */
export const findOldKey = (step: Step, key: string): string | undefined =>
  renamedKeys(step).find(([, renamed]) => renamed === key)?.[0]

/** A step of version 1 with the keys of version 2, in the same order. */
export const upgradeStep = (step: StepDraft): StepDraft => ({
  ...step,
  settings: Object.fromEntries(
    Object.entries(step.settings).map(([key, value]) => [findNewKey(step, key) ?? key, value]),
  ),
})

/** Settings that were added later, with the value that steps had before: at that value they are no part of a recipe's hash. */
const ADDED_SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'complete/teacher': { thinking: false },
  'judge/rubric': { thinking: false, maxTokens: 512 },
  'train/teacher-text': { assistantTurns: 'last' },
  'train/lora': { assistantTurns: 'last' },
}

/** Whether this setting of a step was added later and has the value that steps had before. */
export function isAsBefore({ family, name }: Step, key: string, value: unknown): boolean {
  const added = ADDED_SETTINGS[`${family}/${name}`]
  return added !== undefined && Object.hasOwn(added, key) && added[key] === value
}

/**
 * A step's settings under the keys of version 1, without settings that were added later and have no effect: recipe hashes are taken over these, so
 * that neither changes them.
 */
export const keepOldKeys = <Value>(
  step: Step & { readonly settings: Readonly<Record<string, Value>> },
): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(step.settings)
      .filter(([key, value]) => !isAsBefore(step, key, value))
      .map(([key, value]) => [findOldKey(step, key) ?? key, value]),
  )
