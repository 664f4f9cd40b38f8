// Knows: what a member of the keep family is: it decides on judged rows.
import type { Evidence, FilterDecision, StepDecision } from '../../domain/filter-decision.ts'
import { hashOf } from '../../domain/hash.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { StepVerdict } from '../../domain/verdict.ts'
import type { Program } from '../programs/program.ts'
import { scoreOrDrop, type RowScore } from './score-of.ts'

/** A row with everything that selection may read. */
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

/** What is held of a row while rows are selected: there may be 100,000 of them. */
export interface HeldRow extends Pick<JudgedRow, 'id' | 'promptId' | 'order' | 'parent'> {
  readonly score: RowScore
  /** Equal for equal completions, white space around them aside; empty unless a member `comparesTexts`. */
  readonly text: string
  /** What the steps found that members of the recipe require, by the step's name; the last of a name counts. */
  readonly found: Readonly<Record<string, Evidence>>
}

/** A member of the keep family. */
export interface KeepMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'keep'
  /** True if a row's decision depends on the others, so that all must be judged first. */
  readonly comparesRows: boolean
  /** True if it reads `text`. */
  readonly comparesTexts?: boolean
  /** True if its purpose is to drop: it picks some of many rows. */
  readonly picks?: boolean
  /** True if a row that it keeps is preferred to one that it drops, whose id is its evidence. */
  readonly makesPairs?: boolean
  /** One decision per row, in the rows' order: at once if it does not compare rows, with pauses if it does. */
  select(
    rows: readonly HeldRow[],
    settings: ValuesOf<S>,
  ): readonly FilterDecision[] | Program<readonly FilterDecision[]>
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

/** Holds of a row what these members read. */
export function holdRow(
  { id, promptId, order, parent, completion, verdicts, decisions = [] }: JudgedRow,
  members: readonly Pick<KeepMember, 'requires' | 'comparesTexts'>[],
): HeldRow {
  const required = new Set(members.map(({ requires }) => requires?.name))
  const found: Record<string, Evidence> = {}
  for (const { name, decision } of decisions) if (required.has(name)) found[name] = decision.evidence
  return {
    id,
    promptId,
    order,
    ...(parent === undefined ? {} : { parent }),
    score: scoreOrDrop({ verdicts }),
    text: members.some(({ comparesTexts }) => comparesTexts) ? hashOf(completion.trim()).slice(0, 32) : '',
    found,
  }
}
