// Knows: which settings of two recipes differ. Steps are compared by family and name.
// Must not know: runs, their models and rows.
import type { CheckedRecipe, CheckedStep } from '../../domain/recipe.ts'
import type { SettingValue } from '../../domain/settings.ts'
import { titleSteps } from '../recipes/step-titles.ts'
import { findStep } from '../steps.ts'
import { align } from './align.ts'

/** One difference; a value that a recipe does not have is absent. */
export interface SettingDifference {
  /** Title of the step, which no other step of its recipe has; absent for what concerns all of them. */
  readonly step?: string
  readonly setting: string
  readonly first?: string
  readonly second?: string
}

const show = (value: SettingValue | undefined): string | undefined =>
  value === undefined
    ? undefined
    : value === ''
      ? '(empty)'
      : value === true
        ? 'on'
        : value === false
          ? 'off'
          : String(value)

/** Every step and setting that only one of the recipes has or that differs, in the order of the steps. */
export function compareRecipes(
  first: Pick<CheckedRecipe, 'rngSeed' | 'steps'>,
  second: Pick<CheckedRecipe, 'rngSeed' | 'steps'>,
): readonly SettingDifference[] {
  const differences: SettingDifference[] = []
  const [titlesOfFirst, titlesOfSecond] = [titleSteps(first.steps), titleSteps(second.steps)]
  const add = (setting: string, a: string | undefined, b: string | undefined, step?: string): void => {
    if (a === b) return
    differences.push({
      ...(step === undefined ? {} : { step }),
      setting,
      ...(a === undefined ? {} : { first: a }),
      ...(b === undefined ? {} : { second: b }),
    })
  }
  add('Random seed', String(first.rngSeed), String(second.rngSeed))
  const pairs = align(first.steps, second.steps, ({ family, name }) => `${family} ${name}`)
  const common = pairs.flatMap((pair) => (pair.first && pair.second ? [pair.second] : []))
  const places = common.map((step) => second.steps.indexOf(step))
  if (places.some((place, i) => place < (places[i - 1] ?? -1)))
    add('Order of the steps', titlesOfFirst.join(', '), titlesOfSecond.join(', '))
  for (const { first: a, second: b } of pairs) {
    const step = a ?? b
    if (step === undefined) continue
    const title =
      (a ? titlesOfFirst[first.steps.indexOf(a)] : b && titlesOfSecond[second.steps.indexOf(b)]) ?? step.name
    if (a === undefined || b === undefined) {
      add('Step', a && placeOf(first.steps, a), b && placeOf(second.steps, b), title)
      continue
    }
    const declared = findStep(step.family, step.name)?.settings ?? {}
    for (const key of new Set([...Object.keys(a.settings), ...Object.keys(b.settings)]))
      add(declared[key]?.label ?? key, show(a.settings[key]), show(b.settings[key]), title)
  }
  return differences
}

const placeOf = (steps: readonly CheckedStep[], step: CheckedStep): string =>
  `step ${steps.indexOf(step) + 1}`
