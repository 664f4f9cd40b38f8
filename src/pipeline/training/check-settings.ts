// Knows: whether the settings of a stored student are those of a loss, wherever they come from.
// Must not know: files, records.
import type { Setting, SettingValue } from '../../domain/settings.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { findLoss } from './index.ts'

/**
 * What is wrong with the settings of a loss's own, for the end of a sentence; undefined if nothing is. Ranges are not checked, because
 * they were others in earlier versions; nor are settings that an earlier version did not have, or that a later one has.
 */
export function findWrongSetting(settings: TrainSettings): string | undefined {
  const loss = findLoss(settings.loss)
  if (loss === undefined)
    return `this version does not know the training objective ${JSON.stringify(settings.loss.slice(0, 60))}`
  for (const [name, setting] of Object.entries(loss.settings)) {
    const value = Object.hasOwn(settings, name) ? settings[name] : undefined
    if (value !== undefined && !fits(setting, value))
      return `its setting ${name} cannot be ${JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value)}`
  }
  return undefined
}

function fits(setting: Setting, value: SettingValue): boolean {
  switch (setting.kind) {
    case 'whole':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    case 'real':
      return typeof value === 'number' && Number.isFinite(value)
    case 'choice':
      return typeof value === 'string' && setting.choices.includes(value)
    case 'text':
    case 'role':
      return typeof value === 'string'
    case 'toggle':
      return typeof value === 'boolean'
    default:
      return setting satisfies never
  }
}
