// Knows: how refusals of rows are listed: each reason once, with its lines.
import type { Problem } from '../../domain/problem.ts'

/** Max lines that a sentence names. */
const MAX_LINES = 5

/** Gathers problems of a source of any length: up to `limit` different reasons, and the number of all problems. */
export class ProblemGroups {
  readonly #limit: number
  readonly #groups = new Map<string, { readonly first: Problem; readonly lines: number[]; count: number }>()
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get count(): number {
    return this.#count
  }

  add(problems: readonly Problem[]): void {
    for (const problem of problems) {
      this.#count += 1
      const group = this.#groups.get(problem.sentence)
      if (group) {
        group.count += 1
        if (problem.line !== undefined && group.lines.length < MAX_LINES) group.lines.push(problem.line)
      } else if (this.#groups.size < this.#limit)
        this.#groups.set(problem.sentence, {
          first: problem,
          lines: problem.line === undefined ? [] : [problem.line],
          count: 1,
        })
    }
  }

  /** A reason that occurs once keeps its line; another one begins with its lines. */
  list(): Problem[] {
    return [...this.#groups.values()].map(({ first, lines, count }) => {
      if (count === 1 || lines.length === 0) return first
      const { line: _line, ...rest } = first
      const named = lines.map((line) => line.toLocaleString('en'))
      const more = count - lines.length
      const all =
        more > 0
          ? `${named.join(', ')} and ${more.toLocaleString('en')} more`
          : `${named.slice(0, -1).join(', ')} and ${named.at(-1) ?? ''}`
      return { ...rest, sentence: `Lines ${all}: ${first.sentence}` }
    })
  }

  /** Different reasons beyond the listed ones are counted only. */
  get unlisted(): number {
    return this.#count - [...this.#groups.values()].reduce((sum, { count }) => sum + count, 0)
  }
}
