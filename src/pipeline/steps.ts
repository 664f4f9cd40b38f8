// Knows: every member of every step family: the one list from which the recipe's schema, form and help are derived.
// Must not know: YAML, forms, workers.
import type { StepDeclaration } from '../domain/recipe.ts'
import { completers } from './completing/index.ts'
import { filterMembers } from './filters/index.ts'
import { split } from './freezing/split.ts'
import { growMembers } from './growing/index.ts'
import { stageMembers } from './stages/index.ts'
import { keepMembers } from './selecting/index.ts'
import { trainMembers } from './training/index.ts'

/** All members, families in the recipe's order. */
export const stepDeclarations: readonly StepDeclaration[] = [
  ...growMembers,
  ...completers,
  ...stageMembers,
  ...filterMembers,
  ...keepMembers,
  split,
  ...trainMembers,
]

/** The member that a recipe calls `family: name`. */
export function findStep(family: string, name: string): StepDeclaration | undefined {
  return stepDeclarations.find((declaration) => declaration.family === family && declaration.name === name)
}

/** The members of one family, in the order of the form. */
export function listSteps(family: string): readonly StepDeclaration[] {
  return stepDeclarations.filter((declaration) => declaration.family === family)
}
