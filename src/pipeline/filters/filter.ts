// Knows: what a filter is: a declaration and a decision on one row's texts.
import type { Fields } from '../../domain/fields.ts'
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { FinishReason } from '../../domain/completion-request.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { NoveltyPool } from '../novelty-pool.ts'

export interface FilterInput<S extends Settings> {
  /** The prompt of a completion; empty if the text is a prompt itself. */
  readonly prompt: string
  /** The text to decide on: a completion, or a prompt where the filter comes before the complete step. */
  readonly completion: string
  readonly finishReason: FinishReason
  /** The reference answer of the prompt, if it is a seed that has one. */
  readonly reference?: string
  /** Named values of the prompt and of the row. */
  readonly fields?: Fields
  readonly settings: ValuesOf<S>
  /** Completions kept earlier; only filled for filters that compare rows. */
  readonly earlier?: NoveltyPool
}

/** A member of the filter family. */
export interface FilterMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'filter'
  /** True if the decision depends on rows kept earlier, so that rows must be decided in their order. */
  readonly comparesRows: boolean
  /** True if it reads `reference`. */
  readonly usesReference: boolean
  /** True if it can decide on prompts too. */
  readonly ofPrompts: boolean
  decide(input: FilterInput<S>): FilterDecision
}

/** A filter's declaration, its settings' types inferred. */
export const defineFilter = <const S extends Settings>(
  member: Omit<FilterMember<S>, 'family' | 'comparesRows' | 'usesReference' | 'ofPrompts'> & {
    comparesRows?: boolean
    usesReference?: boolean
    ofPrompts?: boolean
  },
): FilterMember<S> => ({
  comparesRows: false,
  usesReference: false,
  ofPrompts: true,
  ...member,
  family: 'filter',
})
