// Knows: what can be written at a position of a recipe's text: its fields, steps, settings and their values. Reads lines, because a text
// that is being written is seldom YAML.
// Must not know: which members there are (steps.ts), the editor.
import { FAMILIES, type StepDeclaration } from '../../domain/recipe.ts'
import { KNOWN_ROLES } from '../../domain/role.ts'
import type { Setting } from '../../domain/settings.ts'
import { stepDeclarations } from '../steps.ts'

export interface Suggestion {
  /** What is inserted. */
  readonly text: string
  /** What it is, such as a setting's label and default. */
  readonly detail: string
}

export interface Suggestions {
  /** The characters that a suggestion replaces. */
  readonly from: number
  readonly to: number
  /** Those that continue what is written; never empty. */
  readonly items: readonly Suggestion[]
  /** False for numbers: what is written may be one of its own. */
  readonly isClosed: boolean
}

/** Max suggestions at once. */
const MAX_ITEMS = 50
const ROOT_FIELDS: readonly Suggestion[] = [
  { text: 'retort: 2', detail: 'version of the recipe' },
  { text: 'name: ', detail: 'name of the recipe' },
  { text: 'rngSeed: ', detail: 'random seed' },
  { text: 'steps:', detail: 'list of steps' },
]

interface OpenStep {
  readonly declaration: StepDeclaration | undefined
  /** Spaces before its dash. */
  readonly indent: number
  /** Settings that are written in it. */
  readonly settings: ReadonlySet<string>
}

/** The suggestions at an offset in the text; undefined where there is nothing to suggest. */
export function suggestText(
  text: string,
  offset: number,
  declarations: readonly StepDeclaration[] = stepDeclarations,
): Suggestions | undefined {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1
  const before = text.slice(lineStart, offset)
  const rest = /^[^\n]*/.exec(text.slice(offset))?.[0] ?? ''
  // In the middle of something written, and in a comment, nothing is suggested.
  if (/^\S/.test(rest) || /(^|\s)#/.test(before)) return undefined
  const lines = text.slice(0, lineStart).split('\n').slice(0, -1)
  const indent = /^ */.exec(before)?.[0].length ?? 0
  if (isInBlock(lines, indent)) return undefined
  const make = (written: string, items: readonly Suggestion[], isClosed = true): Suggestions | undefined => {
    const found = rank(written, items)
    return found.length === 0
      ? undefined
      : { from: offset - written.length, to: offset, items: found, isClosed }
  }

  const value = /^ *(?:- +)?([\w-]+): +(\S*)$/.exec(before)
  const start = /^ *-(?: +([\w-]*))?$/.exec(before)
  const key = /^ *([\w-]*)$/.exec(before)
  const following = text.slice(offset).split('\n').slice(1)
  const step = findStep(lines, following, indent, declarations)

  if (value !== null) {
    const [, field = '', written = ''] = value
    if (/^ *- /.test(before)) return make(written, namesOf(field, declarations))
    const setting =
      step === undefined || indent <= step.indent ? undefined : step.declaration?.settings[field]
    if (setting === undefined) return undefined
    return make(written, valuesOf(setting), setting.kind === 'choice' || setting.kind === 'toggle')
  }
  if (start !== null) {
    const isBare = start[1] === undefined
    return make(
      start[1] ?? '',
      declarations.map(({ family, name, title }) => ({
        text: `${isBare ? ' ' : ''}${family}: ${name}`,
        detail: title,
      })),
    )
  }
  if (key === null) return undefined
  const [, written = ''] = key
  if (indent === 0) {
    const has = (field: string): boolean => new RegExp(`^${field.split(':')[0]}:`, 'm').test(text)
    return make(
      written,
      ROOT_FIELDS.filter((field) => !has(field.text)),
    )
  }
  if (step !== undefined && indent > step.indent)
    return make(
      written,
      Object.entries(step.declaration?.settings ?? {}).flatMap(([field, setting]) =>
        step.settings.has(field) ? [] : [{ text: `${field}: `, detail: describeSetting(setting) }],
      ),
    )
  // An empty line at the height of the steps' dashes.
  if (!lines.some((line) => /^steps:\s*$/.test(line))) return undefined
  return make(
    written,
    declarations.map(({ family, name, title }) => ({ text: `- ${family}: ${name}`, detail: title })),
  )
}

/** The members of a family, or the families if there is none of this name. */
const namesOf = (family: string, declarations: readonly StepDeclaration[]): Suggestion[] =>
  FAMILIES.some((known) => known === family)
    ? declarations
        .filter((declaration) => declaration.family === family)
        .map(({ name, title }) => ({ text: name, detail: title }))
    : []

function valuesOf(setting: Setting): Suggestion[] {
  const describe = (value: unknown, detail: string): string =>
    value === setting.default ? (detail === '' ? 'default' : `default, ${detail}`) : detail
  switch (setting.kind) {
    case 'choice':
      return setting.choices.map((choice) => ({ text: choice, detail: describe(choice, '') }))
    case 'toggle':
      return [true, false].map((value) => ({ text: String(value), detail: describe(value, '') }))
    case 'whole':
    case 'real': {
      const ends = [
        { value: setting.from, detail: 'min' },
        { value: setting.to, detail: 'max' },
      ]
      const isEnd = ends.some(({ value }) => value === setting.default)
      return [...(isEnd ? [] : [{ value: setting.default, detail: '' }]), ...ends].map(
        ({ value, detail }) => ({
          text: String(value),
          detail: `${describe(value, detail)}${setting.unit === '' ? '' : `, ${setting.unit}`}`,
        }),
      )
    }
    case 'role':
      return KNOWN_ROLES.map((name) => ({ text: name, detail: describe(name, '') }))
    case 'text':
      return []
    default:
      return setting satisfies never
  }
}

const describeSetting = (setting: Setting): string =>
  setting.kind === 'text' ? setting.label : `${setting.label}, default ${String(setting.default)}`

/** Those that begin with what is written, then those that contain it; none if it is one of them already. */
function rank(written: string, items: readonly Suggestion[]): readonly Suggestion[] {
  const wanted = written.toLowerCase()
  if (items.some(({ text }) => text.trim() === written)) return []
  const begin = items.filter(({ text }) => text.trim().toLowerCase().startsWith(wanted))
  const contain = items.filter(
    ({ text, detail }) =>
      !begin.some((one) => one.text === text) && `${text}\n${detail}`.toLowerCase().includes(wanted),
  )
  return [...begin, ...contain].slice(0, MAX_ITEMS)
}

/** The step that a line with this indent belongs to: the last one before it whose dash is not deeper. */
function findStep(
  lines: readonly string[],
  following: readonly string[],
  indent: number,
  declarations: readonly StepDeclaration[],
): OpenStep | undefined {
  const at = lines.findLastIndex((line) => {
    const dash = /^( *)- /.exec(line)
    return (dash !== null && (dash[1] ?? '').length <= indent) || /^[\w-]+:/.test(line)
  })
  const head = /^( *)- +([\w-]+): *["']?([\w-]+)/.exec(lines[at] ?? '')
  if (head === null) return undefined
  const [, spaces = '', family, name] = head
  const isInside = (line: string): boolean =>
    /^ *(#|$)/.test(line) || (/^ */.exec(line)?.[0].length ?? 0) > spaces.length
  const end = following.findIndex((line) => !isInside(line))
  const own = [...lines.slice(at + 1), ...following.slice(0, end < 0 ? undefined : end)]
  return {
    declaration: declarations.find((known) => known.family === family && known.name === name),
    indent: spaces.length,
    settings: new Set(own.flatMap((line) => /^ *([\w-]+):/.exec(line)?.[1] ?? [])),
  }
}

/** A line with this indent is inside a block of text that an earlier line began with `|` or `>`. */
function isInBlock(lines: readonly string[], indent: number): boolean {
  let height = indent
  for (const line of lines.toReversed()) {
    if (line.trim() === '') continue
    const own = /^ *(?:- +)?/.exec(line)?.[0].length ?? 0
    if (own >= height) continue
    if (/: *[|>][-+\d]* *(#.*)?$/.test(line)) return true
    height = own
  }
  return false
}
