// Knows: how a student learns from each kind of rows.
// Must not know: steps, checkpoints.
import { lossOf } from '../../../src/pipeline/training/index.ts'
import type { RowKind } from '../../../src/pipeline/training/row-kinds.ts'
import { learnFromLabels } from './classes.ts'
import type { Prepare } from './objective.ts'
import { learnFromPrompts } from './on-policy.ts'
import { learnFromPairs, learnFromSides } from './pairs.ts'
import { learnFromProblems } from './rewards.ts'
import { learnFromTexts } from './texts.ts'

const KINDS: Readonly<Record<RowKind, Prepare>> = {
  texts: learnFromTexts,
  prompts: learnFromPrompts,
  pairs: learnFromPairs,
  sides: learnFromSides,
  problems: learnFromProblems,
  labels: learnFromLabels,
}

/** The rows as the loss of the settings needs them. */
export const prepareDataset: Prepare = (input) => KINDS[lossOf(input.settings).rows](input)
