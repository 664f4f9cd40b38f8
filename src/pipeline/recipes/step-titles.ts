// Knows: the titles of a recipe's steps for people: equal ones are distinguished by the settings in which they differ.
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import type { Setting, Settings } from '../../domain/settings.ts'
import { findStep } from '../steps.ts'

type Find = (family: string, name: string) => StepDeclaration | undefined
type Step = Pick<StepDraft, 'family' | 'name' | 'settings'>

/** Max settings that distinguish a title, and max characters of a text among them. */
const MAX_SETTINGS = 2
const MAX_TEXT = 24

/** One title per step: “Length”, or “Judge by a rubric (correctness@1)” if another step has the same title. */
export function titleSteps(steps: readonly Step[], find: Find = findStep): string[] {
  const titles = steps.map(({ family, name }) => find(family, name)?.title ?? `${family}: ${name}`)
  const distinguished = titles.map((title, at) => {
    const same = titles.flatMap((other, step) => (other === title ? (steps[step] ?? []) : []))
    const own = steps[at]
    if (same.length < 2 || own === undefined) return title
    const differences = showDifferences(own, same, find(own.family, own.name)?.settings ?? {})
    return differences === '' ? title : `${title} (${differences})`
  })
  return distinguished.map((title, at) => {
    const before = distinguished.slice(0, at).filter((other) => other === title).length
    return distinguished.filter((other) => other === title).length > 1 ? `${title}, ${before + 1}` : title
  })
}

/** The values of a step in which the steps of the same title differ. */
function showDifferences({ settings }: Step, same: readonly Step[], declared: Settings): string {
  return Object.entries(declared)
    .flatMap(([field, setting]) => {
      const values = new Set(same.map((step) => step.settings[field] ?? setting.default))
      const shown = values.size > 1 ? showValue(setting, settings[field] ?? setting.default) : ''
      return shown === '' ? [] : [{ shown, isName: setting.kind === 'choice' || setting.kind === 'role' }]
    })
    .toSorted((a, b) => Number(b.isName) - Number(a.isName))
    .slice(0, MAX_SETTINGS)
    .map(({ shown }) => shown)
    .join(', ')
}

/** A choice and a role speak for themselves; the others need their label. */
function showValue(setting: Setting, value: unknown): string {
  const shown = String(value)
  const label = setting.label.toLowerCase()
  switch (setting.kind) {
    case 'choice':
    case 'role':
      return shown
    case 'toggle':
      return value === true ? label : `no ${label}`
    case 'text':
      return shown === '' || shown.length > MAX_TEXT ? '' : `${label} “${shown}”`
    case 'whole':
    case 'real':
      return `${label} ${shown}`
    default:
      return setting satisfies never
  }
}
