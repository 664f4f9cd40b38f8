// Knows: a step's setting as data. Its type, parser, form field and help all come from one declaration.
// Must not know: YAML, forms, steps.
import { accept, refuse, type Checked, type Problem } from './problem.ts'
import { isRoleName, KNOWN_ROLES, ROLE_NAME_LIMIT, type Role } from './role.ts'

interface Described {
  /** Label in the form. */
  readonly label: string
  /** One sentence: its effect. */
  readonly help: string
  /** It has an effect only if another setting of the step has one of these values; the form hides it otherwise. Absent: always. */
  readonly usedIf?: { readonly setting: string; readonly is: readonly SettingValue[] }
}
export interface NumberSetting extends Described {
  readonly kind: 'whole' | 'real'
  readonly from: number
  readonly to: number
  readonly default: number
  /** Step of the form's slider or spinner. */
  readonly step: number
  /** Such as `words`; empty for a pure number. */
  readonly unit: string
}
export interface TextSetting extends Described {
  readonly kind: 'text'
  readonly default: string
  /** Max characters. */
  readonly limit: number
  readonly lines: number
}
export interface ChoiceSetting<Choice extends string = string> extends Described {
  readonly kind: 'choice'
  readonly default: Choice
  readonly choices: readonly Choice[]
}
export interface ToggleSetting extends Described {
  readonly kind: 'toggle'
  readonly default: boolean
}
/** Which role's model does the work: a known role, or a name of the recipe's own. */
export interface RoleSetting extends Described {
  readonly kind: 'role'
  readonly default: Role
}
export type Setting = NumberSetting | TextSetting | ChoiceSetting | ToggleSetting | RoleSetting
export type Settings = Readonly<Record<string, Setting>>

/** Type of a setting's value. */
export type ValueOf<S extends Setting> = S extends NumberSetting
  ? number
  : S extends ToggleSetting
    ? boolean
    : S extends ChoiceSetting<infer C>
      ? C
      : string
export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> }
export type SettingValue = number | string | boolean
export type SettingValues = Readonly<Record<string, SettingValue>>

type NumberOptions = Described & { from: number; to: number; default: number; step?: number; unit?: string }
export const wholeNumber = (options: NumberOptions): NumberSetting => ({
  kind: 'whole',
  step: 1,
  unit: '',
  ...options,
})
export const realNumber = (options: NumberOptions): NumberSetting => ({
  kind: 'real',
  step: (options.to - options.from) / 100,
  unit: '',
  ...options,
})
export const text = (
  options: Described & { default: string; limit?: number; lines?: number },
): TextSetting => ({ kind: 'text', limit: 4000, lines: 1, ...options })
export const choice = <const C extends string>(
  options: Described & { default: NoInfer<C>; choices: readonly C[] },
): ChoiceSetting<C> => ({ kind: 'choice', ...options })
export const toggle = (options: Described & { default: boolean }): ToggleSetting => ({
  kind: 'toggle',
  ...options,
})
/** At its default it is no part of a recipe's hash, so that a member may get one later. */
export const role = (options: Partial<Described> & { default: Role }): RoleSetting => ({
  kind: 'role',
  label: 'Model',
  help: 'The role whose model does this. A role of your own gets its model on the Teacher screen; until then the teacher plays it.',
  ...options,
})

/** Whether a setting has an effect next to these values of the others, of which absent ones have their defaults. */
export function isUsed(
  { usedIf }: Setting,
  settings: Settings,
  values: Readonly<Record<string, unknown>>,
): boolean {
  const other = usedIf && settings[usedIf.setting]
  if (usedIf === undefined || other === undefined) return true
  const value = values[usedIf.setting] ?? other.default
  return usedIf.is.some((one) => one === value)
}

/** Checks one value against its declaration. `field` names it in the problem. */
export function checkSetting(field: string, setting: Setting, value: unknown): Checked<SettingValue> {
  const wrong = (sentence: string): Checked<never> => refuse({ sentence, field })
  const shown =
    typeof value === 'string'
      ? `“${value.slice(0, 40)}”`
      : value === null
        ? 'nothing'
        : typeof value === 'object'
          ? 'a list or a map'
          : String(value)
  switch (setting.kind) {
    case 'whole':
    case 'real': {
      const unit = setting.unit ? ` ${setting.unit}` : ''
      const range = `from ${setting.from} to ${setting.to}${unit}`
      if (typeof value !== 'number' || !Number.isFinite(value))
        return wrong(`\`${field}\` must be a number ${range}, not ${shown}.`)
      if (setting.kind === 'whole' && !Number.isInteger(value))
        return wrong(`\`${field}\` must be a whole number ${range}, not ${value}.`)
      if (value < setting.from || value > setting.to)
        return wrong(`\`${field}\` must be ${range}, not ${value}.`)
      return accept(value)
    }
    case 'text':
      if (typeof value !== 'string') return wrong(`\`${field}\` must be text, not ${shown}.`)
      if (value.length > setting.limit)
        return wrong(`\`${field}\` has ${value.length} characters; the limit is ${setting.limit}.`)
      return accept(value)
    case 'choice':
      if (typeof value !== 'string' || !setting.choices.includes(value))
        return wrong(`\`${field}\` must be one of ${setting.choices.join(', ')}, not ${shown}.`)
      return accept(value)
    case 'toggle':
      if (typeof value !== 'boolean') return wrong(`\`${field}\` must be true or false, not ${shown}.`)
      return accept(value)
    case 'role':
      if (typeof value !== 'string' || !isRoleName(value))
        return wrong(
          `\`${field}\` must be a role: ${KNOWN_ROLES.join(', ')}, or a name of your own of small letters, digits and hyphens, at most ${ROLE_NAME_LIMIT} characters; not ${shown}.`,
        )
      return accept(value)
    default:
      return setting satisfies never
  }
}

/** All values of a step: an absent one takes its default, an unknown one is a problem. */
export function checkSettings<S extends Settings>(
  settings: S,
  given: Readonly<Record<string, unknown>>,
): Checked<ValuesOf<S>> {
  const problems: Problem[] = []
  const values: Record<string, SettingValue> = {}
  for (const field of Object.keys(given)) {
    if (!Object.hasOwn(settings, field))
      problems.push({
        sentence: `\`${field}\` is not a setting here. The settings are: ${Object.keys(settings).join(', ') || 'none'}.`,
        field,
      })
  }
  for (const [field, setting] of Object.entries(settings)) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined
    if (value === undefined || value === null) {
      values[field] = setting.default
      continue
    }
    const checked = checkSetting(field, setting, value)
    if (checked.ok) values[field] = checked.value
    else problems.push(...checked.problems)
  }
  return problems.length ? { ok: false, problems } : accept(values as ValuesOf<S>)
}
