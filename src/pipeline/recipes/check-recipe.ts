// Knows: which drafts are valid: members, settings, and what steps require of each other.
// Must not know: YAML (parse-recipe.ts), the loaded teacher (check-models.ts).
import { fullContentId } from '../../domain/id.ts'
import type { Json } from '../../domain/hash.ts'
import { accept, refuse, type Checked, type Problem } from '../../domain/problem.ts'
import {
  FAMILIES,
  type CheckedRecipe,
  type CheckedStep,
  type Family,
  type RecipeDraft,
  type StepDraft,
} from '../../domain/recipe.ts'
import { checkSettings } from '../../domain/settings.ts'
import { findStep, listSteps } from '../steps.ts'
import { compileRowTemplate } from '../tagging/row-template.ts'
import { provideTemplates } from '../tagging/template-language.ts'
import { checkOrder, checkTogether } from './check-steps.ts'
import { parseRecipe, RECIPE_LIMITS } from './parse-recipe.ts'
import { findNewKey, keepOldKeys } from './upgrade-recipe.ts'
import { writeRecipe } from './write-recipe.ts'

// Whatever runs was checked here before.
provideTemplates(compileRowTemplate)

/** YAML to a checked recipe, or every problem found. Never throws. */
export function checkRecipeText(yamlText: string): Checked<CheckedRecipe> {
  const draft = parseRecipe(yamlText)
  return draft.ok ? checkRecipe(draft.value) : draft
}

/**
 * A checked recipe: every member known, every setting in its range (defaults filled in), and the steps compatible.
 * Its hash covers what determines a run (rngSeed and steps); two names for the same steps are the same recipe. The hash uses
 * the form and the keys of version 1, so that runs and datasets made before version 2 keep theirs.
 */
export function checkRecipe(draft: RecipeDraft): Checked<CheckedRecipe> {
  const problems: Problem[] = []
  if (!Number.isSafeInteger(draft.rngSeed) || draft.rngSeed < 0)
    problems.push({
      sentence: `\`rngSeed\` must be a whole number of 0 or more, not ${draft.rngSeed}.`,
      field: 'rngSeed',
    })
  if (draft.name.trim() === '' || draft.name.length > RECIPE_LIMITS.name)
    problems.push({
      sentence: `A recipe’s name must have 1 to ${RECIPE_LIMITS.name} characters.`,
      field: 'name',
    })
  if (draft.steps.length > RECIPE_LIMITS.steps)
    problems.push({
      sentence: `The recipe has ${draft.steps.length} steps; the limit is ${RECIPE_LIMITS.steps}.`,
      field: 'steps',
    })
  const steps: { readonly index: number; readonly step: CheckedStep }[] = []
  draft.steps.slice(0, RECIPE_LIMITS.steps).forEach((step, index) => {
    const { family, name, settings } = step
    const at = `Step ${index + 1}`
    const known = readFamily(family)
    if (!known)
      return void problems.push({
        sentence: `${at}: \`${family.slice(0, 60)}\` is not a step family. The families are: ${FAMILIES.join(', ')}.`,
        step: index,
      })
    const declaration = findStep(family, name)
    if (!declaration) {
      const names = listSteps(family).map((member) => member.name)
      return void problems.push({
        sentence: `${at}: there is no \`${family}\` step called \`${name.slice(0, 60)}\`. The \`${family}\` steps are: ${names.join(', ')}.`,
        step: index,
        field: family,
      })
    }
    const values = checkSettings(declaration.settings, settings)
    if (values.ok) steps.push({ index, step: { family: known, name, settings: values.value } })
    else
      problems.push(
        ...values.problems.map((problem) => ({
          ...problem,
          sentence: `${at} (${declaration.title}): ${problem.sentence}${describeRename(step, problem)}`,
          step: index,
        })),
      )
  })
  problems.push(...checkOrder(draft.steps), ...checkTogether(steps))
  if (problems.length > 0) return refuse(...problems)
  const contents = { name: draft.name.trim(), rngSeed: draft.rngSeed, steps: steps.map(({ step }) => step) }
  const hash = fullContentId('recipe', {
    retort: 1,
    rngSeed: contents.rngSeed,
    steps: contents.steps.map((step): Json => ({
      family: step.family,
      name: step.name,
      settings: keepOldKeys({ ...step, settings: withoutUsualRoles(step) }),
    })),
  })
  return accept({ ...contents, hash, text: writeRecipe(contents) } as unknown as CheckedRecipe) // only this function makes the branded type
}

/** For a key of version 1: what it is called now. */
const describeRename = (step: StepDraft, { field = '' }: Problem): string => {
  const key = findNewKey(step, field)
  return key === undefined ? '' : ` \`${field}\` is now called \`${key}\`.`
}

/** A role that is the usual one is no part of the hash: members of earlier versions had no such setting. */
const withoutUsualRoles = ({ family, name, settings }: CheckedStep): CheckedStep['settings'] => {
  const declared = findStep(family, name)?.settings ?? {}
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([field, value]) => !(declared[field]?.kind === 'role' && declared[field].default === value),
    ),
  )
}

const readFamily = (text: string): Family | undefined => FAMILIES.find((family) => family === text)
