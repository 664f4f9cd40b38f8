// Knows: how a step is summarised in one line.
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { formatCount } from '../parts/format.ts'

/** Max settings in a summary. */
const MAX_SETTINGS = 5

/** “Max ROUGE-L” → “max ROUGE-L”; an abbreviation at the start stays. */
const lowerFirst = (label: string): string =>
  /^[A-Z][A-Z]/.test(label) ? label : label.charAt(0).toLowerCase() + label.slice(1)

/** “prompts 20 · temperature 0.7 · …”: the first settings with their values and units. */
export function summariseStep(declaration: StepDeclaration | undefined, step: StepDraft): string {
  if (declaration === undefined) return 'Unknown step. Correct its name in the text, or remove it.'
  const parts = Object.entries(declaration.settings).flatMap(([name, setting]) => {
    const value = step.settings[name] ?? setting.default
    if (setting.kind === 'text')
      return typeof value === 'string' && value !== '' && value.length <= 24
        ? [`${lowerFirst(setting.label)} “${value}”`]
        : []
    if (setting.kind === 'toggle') return value === true ? [lowerFirst(setting.label)] : []
    const shown =
      typeof value === 'number'
        ? Number.isInteger(value)
          ? formatCount(value)
          : String(value)
        : String(value)
    return [
      `${lowerFirst(setting.label)} ${shown}${'unit' in setting && setting.unit && !setting.label.toLowerCase().includes(setting.unit) ? ` ${setting.unit}` : ''}`,
    ]
  })
  return parts.slice(0, MAX_SETTINGS).join(' · ') || declaration.help
}
