// Knows: what every filter is: a declaration and a decision on one row's texts.
import type { FilterAnswer } from '../../domain/filter-answer.ts'
import type { Ending } from '../../domain/model.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { NoveltyPool } from '../novelty-pool.ts'

export interface FilterInput<S extends Settings> {
  readonly prompt: string
  readonly completion: string
  readonly ending: Ending
  /** The known answer of the prompt, where it is a seed that has one. */
  readonly answer?: string
  readonly settings: ValuesOf<S>
  /** Completions kept before this one; only filled for filters that compare with earlier rows. */
  readonly earlier?: NoveltyPool
}

/** A member of the filter family. */
export interface FilterMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'filter'
  /** True where the answer depends on rows kept earlier, so that rows must be asked in their order. */
  readonly comparesRows: boolean
  /** True where it reads `answer`. */
  readonly readsAnswer: boolean
  decide(input: FilterInput<S>): FilterAnswer
}

/** A filter's declaration, its settings' types inferred. */
export const defineFilter = <const S extends Settings>(
  member: Omit<FilterMember<S>, 'family' | 'comparesRows' | 'readsAnswer'> & {
    comparesRows?: boolean
    readsAnswer?: boolean
  },
): FilterMember<S> => ({
  comparesRows: false,
  readsAnswer: false,
  ...member,
  family: 'filter',
})
