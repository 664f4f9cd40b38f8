// Knows: what a filter is: a declaration and a decision on one row's texts.
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { FinishReason } from '../../domain/completion-request.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { NoveltyPool } from '../novelty-pool.ts'

export interface FilterInput<S extends Settings> {
  readonly prompt: string
  readonly completion: string
  readonly finishReason: FinishReason
  /** The reference answer of the prompt, if it is a seed that has one. */
  readonly reference?: string
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
  decide(input: FilterInput<S>): FilterDecision
}

/** A filter's declaration, its settings' types inferred. */
export const defineFilter = <const S extends Settings>(
  member: Omit<FilterMember<S>, 'family' | 'comparesRows' | 'usesReference'> & {
    comparesRows?: boolean
    usesReference?: boolean
  },
): FilterMember<S> => ({
  comparesRows: false,
  usesReference: false,
  ...member,
  family: 'filter',
})
