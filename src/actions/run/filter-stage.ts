// Knows: how completions pass the filters that follow at once: as each ends, or in the rows' order if filters compare rows, whatever order
// the completions end in.
// Must not know: who writes them.
import type { Row } from '../../domain/row.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { referenceOf, type PromptReferences } from '../../pipeline/filters/references.ts'
import { Breather } from '../executing/breather.ts'
import { applyDecisions } from './row-status.ts'
import type { RunContext } from './run-context.ts'

/** Passes rows through the filters: at once, or in their order if filters compare rows. */
export class FilterStage {
  readonly #context: RunContext
  readonly #bank: FilterBank
  readonly #references: PromptReferences
  /** Rows whose turn has not come, by their order. */
  readonly #waiting = new Map<number, Row>()
  /** Order of the row whose turn it is. */
  #next = 0
  #isDeciding = false
  #deciding: Promise<void> = Promise.resolve()

  constructor(context: RunContext, references: PromptReferences) {
    this.#context = context
    this.#references = references
    this.#bank = new FilterBank(context.steps.filters)
  }

  /** Restores a stored row of an earlier part of the run. */
  restore(row: Row): void {
    this.#countPassed(row)
    if (this.#bank.comparesRows) this.#wait(row)
    else if (this.#needsDecisions(row)) this.#decideStored(row)
  }

  /** Adds a row that has just been completed. */
  add(row: Row): void {
    const { store, live } = this.#context
    const decided = this.#bank.comparesRows ? row : this.#decide(row)
    store.put(decided)
    live.tally.countRow(decided)
    if (this.#bank.comparesRows) this.#wait(row)
    else this.#countPassed(decided)
  }

  /** Resolves when every row whose turn has come is decided. */
  settle = (): Promise<void> => this.#deciding

  #wait(row: Row): void {
    this.#waiting.set(row.order, row)
    if (this.#isDeciding) return
    this.#isDeciding = true
    this.#deciding = this.#decideReady()
  }

  /** Decides rows in order, as far as all rows before them are there: many at once if the first of them came last. */
  async #decideReady(): Promise<void> {
    const breather = new Breather()
    for (;;) {
      const row = this.#waiting.get(this.#next)
      if (row === undefined) break
      this.#waiting.delete(this.#next)
      this.#next += 1
      if (this.#needsDecisions(row)) this.#decideStored(row)
      else if (findDrop(row.decisions) === undefined) this.#bank.remember({ completion: row.completion.text })
      if (breather.isDue) await breather.pause()
    }
    this.#isDeciding = false
  }

  #needsDecisions(row: Row): boolean {
    return this.#context.steps.filters.length > 0 && row.decisions.length === 0
  }

  #decide(row: Row): Row {
    if (!this.#needsDecisions(row)) return row
    const decisions = this.#bank.decide({
      prompt: row.prompt,
      completion: row.completion.text,
      finishReason: row.completion.finishReason,
      ...referenceOf(row.promptId, this.#references),
    })
    const drop = findDrop(decisions)
    return applyDecisions(
      row,
      drop ? { decisions, droppedBy: drop.name, status: 'dropped' } : { decisions, status: 'pending' },
    )
  }

  /** Decides a row that is stored, or about to be. */
  #decideStored(row: Row): void {
    const decided = this.#decide(row)
    const { tally } = this.#context.live
    tally.countRow(row, -1)
    tally.countRow(decided)
    this.#countPassed(decided)
    const { decisions, droppedBy, status } = decided
    this.#context.store.change(row.id, (stored) =>
      applyDecisions(stored, {
        decisions,
        status: status === 'rejected' ? (decided.rejectedByHand?.before ?? 'pending') : status,
        ...(droppedBy === undefined ? {} : { droppedBy }),
      }),
    )
  }

  #countPassed(row: Row): void {
    if (!this.#needsDecisions(row) && findDrop(row.decisions) === undefined)
      this.#context.live.expected.passed += 1
  }
}
