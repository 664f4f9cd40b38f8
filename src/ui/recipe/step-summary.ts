// Knows: how a step is summarised in one line.
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { isUsed, type Setting } from '../../domain/settings.ts'
import { formatCount } from '../parts/format.ts'

/** Max settings in a summary. */
const MAX_SETTINGS = 5

/** “Max ROUGE-L” → “max ROUGE-L”; an abbreviation at the start stays. */
const lowerFirst = (label: string): string =>
  /^[A-Z][A-Z]/.test(label) ? label : label.charAt(0).toLowerCase() + label.slice(1)

/** “prompts 20 · temperature 0.7 · …”: settings with their values and units; those that differ from their default come before the others. */
export function summariseStep(declaration: StepDeclaration | undefined, step: StepDraft): string {
  if (declaration === undefined) return 'Unknown step. Correct its name in the text, or remove it.'
  const parts = Object.entries(declaration.settings).flatMap(([name, setting], at) => {
    const value = step.settings[name] ?? setting.default
    const shown = isUsed(setting, declaration.settings, step.settings)
      ? showSetting(setting, value)
      : undefined
    return shown === undefined ? [] : [{ at, shown, isChanged: value !== setting.default }]
  })
  return (
    parts
      .toSorted((a, b) => Number(b.isChanged) - Number(a.isChanged))
      .slice(0, MAX_SETTINGS)
      .toSorted((a, b) => a.at - b.at)
      .map(({ shown }) => shown)
      .join(' · ') || declaration.help
  )
}

/** A setting in a summary; undefined for one that says nothing there, such as a toggle that is off. */
function showSetting(setting: Setting, value: unknown): string | undefined {
  const label = lowerFirst(setting.label)
  if (setting.kind === 'text')
    return typeof value === 'string' && value !== '' && value.length <= 24 ? `${label} “${value}”` : undefined
  if (setting.kind === 'role') return value === setting.default ? undefined : `by the ${String(value)}`
  if (setting.kind === 'toggle') return value === true ? label : undefined
  const text = typeof value === 'number' && Number.isInteger(value) ? formatCount(value) : String(value)
  const unit =
    'unit' in setting && setting.unit !== '' && !setting.label.toLowerCase().includes(setting.unit)
      ? ` ${setting.unit}`
      : ''
  return `${label} ${text}${unit}`
}
