// Knows: the form of an advice: a sentence with a number, and what one click can do about it. Pure data.
// Must not know: screens, stores.
import type { SettingValue } from '../../domain/settings.ts'
import type { LabelGroup } from '../training/near-equal-labels.ts'

/** What a remedy does. */
export type Change =
  /** Sets a field of the recipe's step with this index. */
  | {
      readonly kind: 'set'
      readonly step: number
      readonly field: string
      readonly value: SettingValue
    }
  /** Sets a field of the student that is about to be trained. */
  | { readonly kind: 'set-training'; readonly field: string; readonly value: SettingValue }
  /** Chooses another objective for the student that is about to be trained. */
  | { readonly kind: 'choose-objective'; readonly name: string }
  /** Gives all rows of a dataset's run one spelling of each label, and freezes them again. */
  | { readonly kind: 'merge-labels'; readonly groups: readonly LabelGroup[] }
  /** Sets how many held-out prompts the next comparison uses. */
  | { readonly kind: 'compare-prompts'; readonly prompts: number }
  /** Opens a screen of the project. */
  | { readonly kind: 'open'; readonly screen: 'seeds' | 'teacher' | 'recipe' | 'run' | 'dataset' | 'student' }

export interface Advice {
  /** The advice's own name, one per file of this folder. */
  readonly id: string
  /** What was seen, with its number, and what to do. */
  readonly sentence: string
  readonly remedy?: {
    /** The button: a verb and a number. */
    readonly label: string
    readonly change: Change
  }
}
