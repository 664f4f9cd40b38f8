// Knows: how a step is told in one line.
import type { StepDeclaration, StepDraft } from '../../domain/recipe.ts'
import { formatCount } from '../parts/format.ts'

/** What the kinds of step are called in the list. */
export const FAMILY_TITLES: Readonly<Record<string, string>> = {
  grow: 'grow',
  complete: 'complete',
  filter: 'filter',
  judge: 'judge',
  keep: 'keep',
  freeze: 'freeze',
  train: 'train',
}

/** Settings told in a line at most. */
const TOLD = 5

/** “prompts 20 · temperature 0.7 · …”: the first settings with their values and units. */
export function summariseStep(declaration: StepDeclaration | undefined, step: StepDraft): string {
  if (declaration === undefined) return 'This step is not known. Correct its name in the text, or remove it.'
  const told = Object.entries(declaration.settings).flatMap(([name, setting]) => {
    const value = step.settings[name] ?? setting.default
    if (setting.kind === 'text')
      return typeof value === 'string' && value !== '' && value.length <= 24
        ? [`${setting.label.toLowerCase()} “${value}”`]
        : []
    if (setting.kind === 'toggle') return value === true ? [setting.label.toLowerCase()] : []
    const shown =
      typeof value === 'number'
        ? Number.isInteger(value)
          ? formatCount(value)
          : String(value)
        : String(value)
    return [
      `${setting.label.toLowerCase()} ${shown}${'unit' in setting && setting.unit && !setting.label.toLowerCase().includes(setting.unit) ? ` ${setting.unit}` : ''}`,
    ]
  })
  return told.slice(0, TOLD).join(' · ') || declaration.help
}
