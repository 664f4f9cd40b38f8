// Knows: a filter's decision on a text: kept, or dropped with a reason. Never a boolean.

/** Facts a filter decided on: numbers and short texts, shown with its decision. */
export type Evidence = Readonly<Record<string, number | string>>

export type FilterDecision =
  | { readonly kind: 'kept'; readonly evidence: Evidence }
  | {
      readonly kind: 'dropped'
      readonly reason: string
      readonly evidence: Evidence
      readonly nearest?: Nearest
    }

/** The text that a dropped one is too similar to. */
export interface Nearest {
  readonly text: string
  readonly score: number
}

export const kept = (evidence: Evidence = {}): FilterDecision => ({ kind: 'kept', evidence })
export const dropped = (reason: string, evidence: Evidence = {}, nearest?: Nearest): FilterDecision =>
  nearest ? { kind: 'dropped', reason, evidence, nearest } : { kind: 'dropped', reason, evidence }

/** The sentence of anything thrown. */
export const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** The reason of a row that a step could not work on. */
export const failureReason = (reason: string): string => `the step failed: ${reason}`

/** The decision on a row, if deciding threw: one bad row ends no run. */
export const droppedByFailure = (thrown: unknown): FilterDecision => dropped(failureReason(reasonOf(thrown)))

/** A decision with the step that made it, as stored in a row's history. */
export interface StepDecision {
  /** Index of the step in its recipe. */
  readonly step: number
  /** Name of the family member, as written in the recipe. */
  readonly name: string
  readonly decision: FilterDecision
}
