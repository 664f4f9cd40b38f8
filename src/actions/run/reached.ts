// Knows: which rows reached a step, and what each was then: a step may run again after later ones have decided.
import type { Row } from '../../domain/row.ts'
import { verdictOf } from '../../domain/verdict.ts'
import { findDrop } from '../../pipeline/filters/decide-filters.ts'
import { referenceOf, type PromptReferences } from '../../pipeline/filters/references.ts'
import type { StageRow } from '../../pipeline/stages/stage.ts'
import type { RunContext } from './run-context.ts'

/** The step that wrote a row. */
export const writtenIn = ({ steps }: RunContext, row: Row): number =>
  row.step ?? steps.completers[0]?.index ?? 0

/** The row as it was when it reached a step; undefined if it never did. */
export function beforeStep(context: RunContext, row: Row, step: number): Row | undefined {
  if (writtenIn(context, row) >= step) return undefined
  const decisions = row.decisions.filter((decision) => decision.step < step)
  return findDrop(decisions) === undefined ? { ...row, decisions } : undefined
}

export const isDecided = ({ decisions, verdicts }: Row, step: number): boolean =>
  decisions.some((decision) => decision.step === step) || verdictOf(verdicts, step) !== undefined

export const toStageRow = (row: Row, references: PromptReferences): StageRow => ({
  ...row,
  ...referenceOf(row.promptId, references),
})
