// Knows: how a row passes through all filters of a recipe: in the recipe's order, up to the first that drops it.
import type { Fields } from '../../domain/fields.ts'
import { droppedByFailure, type FilterDecision, type StepDecision } from '../../domain/filter-decision.ts'
import type { FinishReason } from '../../domain/completion-request.ts'
import { NoveltyPool } from '../novelty-pool.ts'
import type { PlacedFilter } from '../recipes/read-steps.ts'

export interface FilteredText {
  readonly prompt: string
  readonly completion: string
  readonly finishReason: FinishReason
  /** The reference answer of the prompt, if it has one. */
  readonly reference?: string
  readonly fields?: Fields
}

/**
 * The filters of one run with their memory of earlier rows. If `comparesRows` is true, decisions depend on the order of the rows:
 * pass them by their `order` for a reproducible run.
 */
export class FilterBank {
  readonly #filters: readonly PlacedFilter[]
  readonly #earlier = new NoveltyPool()
  readonly comparesRows: boolean

  constructor(filters: readonly PlacedFilter[]) {
    this.#filters = filters
    this.comparesRows = filters.some(({ member }) => member.comparesRows)
  }

  /** The decisions up to the first drop; a row that passes all is remembered. A filter that throws drops its row. */
  decide(row: FilteredText): StepDecision[] {
    const decisions: StepDecision[] = []
    for (const { index, name, member, settings } of this.#filters) {
      let decision: FilterDecision
      try {
        decision = member.decide({ ...row, settings, earlier: this.#earlier })
      } catch (thrown) {
        decision = droppedByFailure(thrown)
      }
      decisions.push({ step: index, name, decision })
      if (decision.kind === 'dropped') return decisions
    }
    this.remember(row)
    return decisions
  }

  /** Adds a row that passed all filters in an earlier part of the run. */
  remember(row: Pick<FilteredText, 'completion'>): void {
    if (this.comparesRows) this.#earlier.add(row.completion)
  }
}

/** The drop among a row's decisions, if there is one. */
export const findDrop = (decisions: readonly StepDecision[]): StepDecision | undefined =>
  decisions.find(({ decision }) => decision.kind === 'dropped')
