// Knows: what a member of the keep family is: it decides on judged rows.
import type { FilterDecision, StepDecision } from '../../domain/filter-decision.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { StepVerdict } from '../../domain/verdict.ts'

export interface JudgedRow {
  readonly id: string
  readonly promptId: string
  /** Order within the run; breaks ties, so that equal scores keep the earlier row. */
  readonly order: number
  readonly completion: string
  readonly verdicts?: readonly StepVerdict[] | undefined
  /** The row that it revises. */
  readonly parent?: string | undefined
  /** Those of earlier steps. */
  readonly decisions?: readonly StepDecision[] | undefined
}

/** A member of the keep family. */
export interface KeepMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'keep'
  /** True if a row's decision depends on the others, so that all must be judged first. */
  readonly comparesRows: boolean
  /** True if its purpose is to drop: it picks some of many rows. */
  readonly picks?: boolean
  /** True if a row that it keeps is preferred to one that it drops, whose id is its evidence. */
  readonly makesPairs?: boolean
  /** One decision per row, in the rows' order. */
  select(rows: readonly JudgedRow[], settings: ValuesOf<S>): readonly FilterDecision[]
}

/** A keep step's declaration, its settings' types inferred. */
export const defineKeep = <const S extends Settings>(
  member: Omit<KeepMember<S>, 'family'>,
): KeepMember<S> => ({ ...member, family: 'keep' })

/** Of members that select by score. */
export const NEEDS_JUDGE = {
  family: 'judge',
  sentence: '`keep` selects by score and needs a judge. Add `- judge: rubric` before it, or remove it.',
} as const
