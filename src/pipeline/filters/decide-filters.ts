// Knows: how a row goes through all filters of a recipe: in the recipe's order, to the first that drops it.
import type { StepAnswer } from '../../domain/filter-answer.ts'
import type { Ending } from '../../domain/model.ts'
import { NoveltyPool } from '../novelty-pool.ts'
import type { PlacedFilter } from '../recipes/read-steps.ts'

export interface FilteredText {
  readonly prompt: string
  readonly completion: string
  readonly ending: Ending
  /** The known answer of the prompt, where there is one. */
  readonly answer?: string
}

/**
 * The filters of one run with what they remember of earlier rows. Where `comparesRows` is true, answers depend on the order in
 * which rows come: give them by their `order` for a run that repeats.
 */
export class FilterBank {
  readonly #filters: readonly PlacedFilter[]
  readonly #earlier = new NoveltyPool()
  readonly comparesRows: boolean

  constructor(filters: readonly PlacedFilter[]) {
    this.#filters = filters
    this.comparesRows = filters.some(({ member }) => member.comparesRows)
  }

  /** The answers up to the first drop; one that passes all is remembered. */
  decide(row: FilteredText): StepAnswer[] {
    const answers: StepAnswer[] = []
    for (const { index, name, member, settings } of this.#filters) {
      const answer = member.decide({ ...row, settings, earlier: this.#earlier })
      answers.push({ step: index, name, answer })
      if (answer.kind === 'dropped') return answers
    }
    this.remember(row)
    return answers
  }

  /** A row that passed all filters in an earlier part of the run. */
  remember(row: Pick<FilteredText, 'completion'>): void {
    if (this.comparesRows) this.#earlier.add(row.completion)
  }
}

/** The drop among a row's answers, if there is one. */
export const findDrop = (answers: readonly StepAnswer[]): StepAnswer | undefined =>
  answers.find(({ answer }) => answer.kind === 'dropped')
