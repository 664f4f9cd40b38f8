// Knows: whether the settings of a stored student are those of a loss, wherever they come from.
// Must not know: files, records.
import type { Setting, SettingValue } from '../../domain/settings.ts'
import {
  CURRICULA,
  OPTIMIZER_NAMES,
  SCHEDULE_NAMES,
  STUDENT_PRESETS,
  type TrainSettings,
} from '../../domain/student.ts'
import { findLoss, trainMembers } from './index.ts'

/** A name in these settings that only a later version has, for the end of a sentence; undefined: this version can train with all of them. */
export function findUnknownName({
  loss,
  preset,
  optimizer,
  schedule,
  curriculum,
}: TrainSettings): string | undefined {
  const names: readonly (readonly [string, string, readonly string[]])[] = [
    ['training objective', loss, trainMembers.map(({ name }) => name)],
    ['size', preset, STUDENT_PRESETS],
    ['optimizer', optimizer, OPTIMIZER_NAMES],
    ['schedule', schedule, SCHEDULE_NAMES],
    ['curriculum', curriculum, CURRICULA],
  ]
  const unknown = names.find(([, name, known]) => !known.includes(name))
  return unknown && `this version does not know the ${unknown[0]} ${JSON.stringify(unknown[1].slice(0, 60))}`
}

/**
 * What is wrong with the settings of a loss's own, for the end of a sentence; undefined if nothing is. Ranges are not checked, because
 * they were others in earlier versions; nor are settings that an earlier version did not have, or that a later one has.
 */
export function findWrongSetting(settings: TrainSettings): string | undefined {
  const loss = findLoss(settings.loss)
  if (loss === undefined) return findUnknownName(settings)
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
