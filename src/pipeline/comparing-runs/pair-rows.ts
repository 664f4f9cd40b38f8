// Knows: which rows of two runs belong together, and which of those differ. Rows are taken one at a time, so that runs of any length are read
// in pages; of the first run it holds each row's texts and outcome.
// Must not know: where rows are stored.
import type { RowId } from '../../domain/id.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Row, RowStatus } from '../../domain/row.ts'
import { meanScore } from '../../domain/verdict.ts'
import { align, type Aligned } from './align.ts'

/** Max rows listed; all are counted. */
export const MAX_LISTED = 50

/** A row as a comparison shows it, with the status that its recipe gave it. */
export interface RowSide {
  readonly id: RowId
  readonly text: string
  readonly status: RowStatus
  readonly droppedBy?: string
  readonly score?: number
}

export interface DifferingRow {
  readonly prompt: string
  readonly first: RowSide
  readonly second: RowSide
}

export interface PairedRows {
  /** Rows of both runs: same prompt, written by the same step, the nth completion of it. */
  readonly common: number
  /** Common rows with another completion or another decision. */
  readonly differing: number
  readonly listed: readonly DifferingRow[]
  readonly onlyFirst: number
  readonly onlySecond: number
}

/** The scores by one rubric and one judge. */
export interface ScoreMean {
  readonly rubric: string
  readonly judge: string
  readonly mean: number
  /** Readable verdicts. */
  readonly count: number
}

/** What is compared of a row. */
export type PairedRow = Pick<
  Row,
  | 'id'
  | 'prompt'
  | 'earlier'
  | 'variant'
  | 'step'
  | 'completion'
  | 'verdicts'
  | 'droppedBy'
  | 'rejectedByHand'
  | 'status'
>

/** Takes the rows of the first run, then those of the second, each in the run's order. */
export class RowPairs {
  readonly #waiting = new Map<string, RowSide>()
  readonly #listed: DifferingRow[] = []
  #common = 0
  #differing = 0
  #onlySecond = 0
  readonly #first: RowNames
  readonly #second: RowNames

  constructor(first: Pick<CheckedRecipe, 'steps'>, second: Pick<CheckedRecipe, 'steps'>) {
    this.#first = new RowNames(first)
    this.#second = new RowNames(second)
  }

  addFirst(row: PairedRow): void {
    this.#waiting.set(this.#first.nameOf(row), sideOf(row))
  }

  addSecond(row: PairedRow): void {
    const name = this.#second.nameOf(row)
    const first = this.#waiting.get(name)
    if (first === undefined) {
      this.#onlySecond += 1
      return
    }
    this.#waiting.delete(name)
    this.#common += 1
    const second = sideOf(row)
    if (first.text === second.text && first.status === second.status && first.droppedBy === second.droppedBy)
      return
    this.#differing += 1
    if (this.#listed.length < MAX_LISTED) this.#listed.push({ prompt: row.prompt, first, second })
  }

  result(): PairedRows {
    return {
      common: this.#common,
      differing: this.#differing,
      listed: this.#listed,
      onlyFirst: this.#waiting.size,
      onlySecond: this.#onlySecond,
    }
  }
}

/** Names that equal rows of two runs share. Ids do not: they depend on the run. */
class RowNames {
  readonly #seen = new Map<string, number>()
  readonly #writers: readonly string[]
  readonly #firstWriter: number

  constructor({ steps }: Pick<CheckedRecipe, 'steps'>) {
    const counts = new Map<string, number>()
    this.#writers = steps.map(({ family, name }) => {
      const writer = `${family} ${name}`
      const nth = counts.get(writer) ?? 0
      counts.set(writer, nth + 1)
      return `${writer} ${nth}`
    })
    this.#firstWriter = steps.findIndex(({ family }) => family === 'complete')
  }

  /** With a number, as a prompt may have several rows of one step and variant: revisions of each of its completions. */
  nameOf({ prompt, earlier = [], variant, step = this.#firstWriter }: PairedRow): string {
    const turns = earlier.map(({ role, content }) => [role, content])
    const name = JSON.stringify([prompt, turns, this.#writers[step] ?? step, variant])
    const nth = this.#seen.get(name) ?? 0
    this.#seen.set(name, nth + 1)
    return `${nth} ${name}`
  }
}

function sideOf({ id, completion, verdicts = [], droppedBy, rejectedByHand, status }: PairedRow): RowSide {
  const score = meanScore(verdicts)
  return {
    id,
    text: completion.text,
    status: rejectedByHand?.before ?? status,
    ...(droppedBy === undefined ? {} : { droppedBy }),
    ...(score === undefined ? {} : { score }),
  }
}

/** Mean scores by rubric and judge, over rows taken one at a time. */
export class ScoreMeans {
  readonly #sums = new Map<string, { rubric: string; judge: string; sum: number; count: number }>()

  add({ verdicts = [] }: Pick<Row, 'verdicts'>): void {
    for (const { verdict } of verdicts) {
      if (verdict.kind !== 'score') continue
      const { rubric, judge } = verdict
      const key = JSON.stringify([rubric, judge.name, judge.fingerprint])
      const { sum, count } = this.#sums.get(key) ?? { sum: 0, count: 0 }
      this.#sums.set(key, { rubric, judge: judge.name, sum: sum + verdict.score, count: count + 1 })
    }
  }

  result(): readonly ScoreMean[] {
    return [...this.#sums.values()].map(({ sum, count, ...of }) => ({ ...of, mean: sum / count, count }))
  }
}

/** Pairs the means of two runs: by rubric and judge, and those left by rubric alone. */
export function alignScores(
  first: readonly ScoreMean[],
  second: readonly ScoreMean[],
): readonly Aligned<ScoreMean>[] {
  const pairs = align(first, second, ({ rubric, judge }) => `${rubric} ${judge}`)
  const left = pairs.filter((pair) => pair.first === undefined)
  const joined = pairs.map((pair) => {
    if (pair.first === undefined || pair.second !== undefined) return pair
    const other = left.findIndex(({ second: one }) => one?.rubric === pair.first?.rubric)
    const [found] = other < 0 ? [] : left.splice(other, 1)
    return { ...pair, ...found }
  })
  return joined.filter((pair) => pair.first !== undefined || left.includes(pair))
}
