// Knows: what a filter says of a text: kept, or dropped with a reason. Never a boolean.

/** Facts a filter decided on: numbers and short texts, shown beside its answer. */
export type Evidence = Readonly<Record<string, number | string>>

export type FilterAnswer =
  | { readonly kind: 'kept'; readonly evidence: Evidence }
  | {
      readonly kind: 'dropped'
      readonly reason: string
      readonly evidence: Evidence
      readonly nearest?: Nearest
    }

/** The text that a dropped one is too close to. */
export interface Nearest {
  readonly text: string
  readonly score: number
}

export const kept = (evidence: Evidence = {}): FilterAnswer => ({ kind: 'kept', evidence })
export const dropped = (reason: string, evidence: Evidence = {}, nearest?: Nearest): FilterAnswer =>
  nearest ? { kind: 'dropped', reason, evidence, nearest } : { kind: 'dropped', reason, evidence }

/** An answer with the step that gave it, as stored in a row's history. */
export interface StepAnswer {
  /** Index of the step in its recipe. */
  readonly step: number
  /** Name of the family member, as written in the recipe. */
  readonly name: string
  readonly answer: FilterAnswer
}
