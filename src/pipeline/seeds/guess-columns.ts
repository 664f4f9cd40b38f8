// Knows: which column of an unknown table is probably the prompt, the answer, its context: by its name, then by its contents.
// Must not know: how a person corrects the guess.
import type { ColumnRole, MappedColumn } from '../../domain/column-mapping.ts'
import { hintOf } from './known-fields.ts'

interface Contents {
  /** Mean characters of the cells that are not blank. */
  readonly length: number
  /** Share of cells with a blank inside, and of those that end like a question. */
  readonly sentences: number
  readonly questions: number
  /** Different values, as a share of the cells. */
  readonly variety: number
  readonly filled: number
}

function describe(cells: readonly string[]): Contents {
  const filled = cells.map((cell) => cell.trim()).filter((cell) => cell !== '')
  const share = (test: (cell: string) => boolean): number =>
    filled.length === 0 ? 0 : filled.filter(test).length / filled.length
  return {
    length: filled.length === 0 ? 0 : filled.reduce((sum, cell) => sum + cell.length, 0) / filled.length,
    sentences: share((cell) => /\S\s+\S/.test(cell)),
    questions: share((cell) => /[?？]["”»]?$/.test(cell)),
    variety: filled.length === 0 ? 0 : new Set(filled).size / filled.length,
    filled: filled.length,
  }
}

/** Roles for columns of these names; `rows` are some rows of cells. One prompt at least, one answer at most. */
export function guessRoles(names: readonly string[], rows: readonly (readonly string[])[]): MappedColumn[] {
  const contents = names.map((_name, i) => describe(rows.map((row) => row[i] ?? '')))
  const hints = names.map(hintOf)
  const at = (i: number): Contents => contents[i] ?? describe([])
  const all = names.map((_name, i) => i).filter((i) => at(i).filled > 0 || rows.length === 0)
  const score = (i: number): number =>
    at(i).sentences * 3 + at(i).questions * 4 + Math.min(at(i).length, 200) / 200 + at(i).variety
  const best = (from: readonly number[]): number | undefined =>
    from.toSorted((a, b) => score(b) - score(a) || a - b)[0]
  const withHint = (...wanted: (typeof hints)[number][]): number[] =>
    all.filter((i) => wanted.includes(hints[i]))

  const prompt =
    best(withHint('prompt')) ??
    best(withHint('text')) ??
    best(all.filter((i) => hints[i] === undefined && at(i).sentences > 0)) ??
    best(withHint(undefined)) ??
    best(withHint('context')) ??
    best(all) ??
    0
  // A single other column is the answer, apart from one that only numbers the rows.
  const left = all.filter(
    (i) => i !== prompt && hints[i] !== 'ignore' && hints[i] !== 'context' && !isNumbering(rows, i),
  )
  const alone = left.length === 1 ? left[0] : undefined
  const answer = withHint('answer').find((i) => i !== prompt) ?? alone
  return names.map((name, i): MappedColumn => {
    const role = (): ColumnRole => {
      if (i === prompt) return 'prompt'
      if (i === answer) return 'answer'
      if (hints[i] === 'context') return 'context'
      return hints[i] === 'ignore' || !all.includes(i) || isNumbering(rows, i) ? 'ignore' : 'field'
    }
    return { name, role: role() }
  })
}

/** Whole numbers that rise from row to row. */
function isNumbering(rows: readonly (readonly string[])[], column: number): boolean {
  const values = rows.map((row) => (row[column] ?? '').trim())
  return (
    values.length > 1 &&
    values.every((value, i) => /^\d+$/.test(value) && (i === 0 || Number(value) > Number(values[i - 1])))
  )
}
