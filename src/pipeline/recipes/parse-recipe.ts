// Knows: a recipe as YAML text, and its shape. What the steps mean is check-recipe.ts.
// Must not know: which members exist (lost-text.ts finds the text settings).
import {
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Document,
  type ParsedNode,
  type YAMLParseError,
} from 'yaml'
import { accept, refuse, type Checked, type Problem } from '../../domain/problem.ts'
import type { RecipeDraft, StepDraft } from '../../domain/recipe.ts'
import { findLostText } from './lost-text.ts'
import { findOldKey, upgradeStep } from './upgrade-recipe.ts'

/** Max characters and steps of a recipe: people read recipes. */
export const RECIPE_LIMITS = { characters: 60_000, steps: 64, name: 120 } as const

/** The version that is written: `retort: 2`. Version 1 is read too. */
export const RECIPE_VERSION = 2
const READ_VERSIONS: readonly unknown[] = [1, RECIPE_VERSION]

const FIELDS = ['retort', 'name', 'rngSeed', 'steps']
const EXAMPLE = `A recipe begins with \`retort: ${RECIPE_VERSION}\` and has a list called \`steps\`.`

/** A draft from YAML (or JSON, which YAML contains). Never throws: every error is returned as a sentence with its line or step. */
export function parseRecipe(yamlText: string): Checked<RecipeDraft> {
  if (yamlText.trim() === '') return refuse({ sentence: `The recipe is empty. ${EXAMPLE}` })
  if (yamlText.length > RECIPE_LIMITS.characters) {
    return refuse({
      sentence: `The recipe has ${yamlText.length} characters; the limit is ${RECIPE_LIMITS.characters}. Is this the right file?`,
    })
  }
  try {
    const documents = readDocuments(yamlText)
    const error = documents.flatMap(({ errors }) => errors)[0] // the first causes the others
    if (error !== undefined) return refuse(describeSyntax(yamlText, error))
    const repeated = findRepeatedDirective(yamlText)
    if (repeated !== undefined) return refuse(repeated)
    const [document, second] = documents
    const directive = yamlText.split('\n').findIndex((line) => line.startsWith('%'))
    if (document === undefined && directive >= 0)
      return refuse({
        sentence: `Line ${directive + 1} is a YAML directive without a document after it. ${EXAMPLE}`,
        line: directive + 1,
      })
    if (document === undefined) return refuse({ sentence: `The recipe is empty. ${EXAMPLE}` })
    if (second !== undefined)
      return refuse({
        sentence: `The text has ${documents.length} YAML documents, separated by \`---\`; a recipe is one. Remove ${documents.length === 2 ? 'the other one' : 'the others'}.`,
      })
    const read = readRecipe(document.toJS({ maxAliasCount: 0 })) // an alias can make a small text enormous; recipes need none
    const lost = findLostText(yamlText, document)
    return lost.length === 0 ? read : refuse(...(read.ok ? [] : read.problems), ...lost)
  } catch (thrown) {
    return refuse({ sentence: describeThrown(thrown) })
  }
}

/** The documents of a text; an empty one at its end, as behind a last `---`, does not count. */
function readDocuments(yamlText: string): Document.Parsed[] {
  const read = parseAllDocuments(yamlText, {
    schema: 'core',
    // An empty key twice is valid YAML; it is refused as a field later.
    uniqueKeys: (a, b) => a === b || (isScalar(a) && isScalar(b) && a.value === b.value && a.value !== null),
    logLevel: 'silent',
    prettyErrors: false,
  })
  const documents = 'empty' in read ? [] : [...read]
  while (documents.length > 1 && isBlank(documents.at(-1))) documents.pop()
  return documents
}

const isBlank = (document: Document.Parsed | undefined): boolean =>
  document !== undefined &&
  document.errors.length === 0 &&
  (document.contents === null || (isScalar(document.contents) && document.contents.source === ''))

/** The directive `%YAML` twice before one document, which the parser accepts and YAML forbids. */
function findRepeatedDirective(yamlText: string): Problem | undefined {
  let seen = false
  for (const [at, line] of yamlText.split(/\r\n|[\r\n]/).entries()) {
    if (/^%YAML[ \t]/.test(line)) {
      if (seen) return { sentence: `Line ${at + 1} repeats the directive %YAML. Remove it.`, line: at + 1 }
      seen = true
    } else if (!/^(%|#|[ \t]*$)/.test(line)) return undefined
  }
  return undefined
}

/** A draft from a parsed value: YAML here, JSON in a project file or an example. Version 1 is upgraded. */
export function readRecipe(value: unknown): Checked<RecipeDraft> {
  if (!isRecord(value))
    return refuse({
      sentence: `This is not a recipe: it contains ${nameOf(value)} instead of a map. ${EXAMPLE}`,
    })
  const problems: Problem[] = []
  for (const key of Object.keys(value)) {
    if (!FIELDS.includes(key))
      problems.push({
        sentence: `\`${shorten(key)}\` is not a field of a recipe. The fields are: ${FIELDS.join(', ')}.`,
        field: shorten(key),
      })
  }
  const version = value['retort']
  if (!READ_VERSIONS.includes(version)) {
    problems.push({
      sentence:
        version === undefined
          ? `\`retort: ${RECIPE_VERSION}\` is missing; it states the recipe’s version.`
          : `${typeof version === 'number' ? `This recipe has version ${version}` : `\`retort\` must be the recipe’s version, not ${nameOf(version)}`}; this program reads versions ${READ_VERSIONS.join(' and ')}.`,
      field: 'retort',
    })
  }
  const name = value['name'] ?? 'Untitled recipe'
  if (typeof name !== 'string' || name.trim() === '')
    problems.push({ sentence: `\`name\` must be text, not ${nameOf(name)}.`, field: 'name' })
  else if (name.length > RECIPE_LIMITS.name)
    problems.push({
      sentence: `\`name\` has ${name.length} characters; the limit is ${RECIPE_LIMITS.name}.`,
      field: 'name',
    })
  const rngSeed = value['rngSeed'] ?? 1
  if (typeof rngSeed !== 'number' || !Number.isSafeInteger(rngSeed) || rngSeed < 0) {
    problems.push({
      sentence: `\`rngSeed\` must be a whole number of 0 or more, not ${nameOf(rngSeed)}.`,
      field: 'rngSeed',
    })
  }
  const written = readSteps(value['steps'], problems)
  if (version === 1) problems.push(...reportNewKeys(written))
  const steps = version === 1 ? written.map(upgradeStep) : written
  if (problems.length > 0) return refuse(...problems)
  return accept({ name: String(name).trim(), rngSeed: Number(rngSeed), steps })
}

function readSteps(value: unknown, problems: Problem[]): StepDraft[] {
  if (!Array.isArray(value)) {
    problems.push({
      sentence:
        value === undefined
          ? 'The recipe has no `steps`.'
          : `\`steps\` must be a list, not ${nameOf(value)}.`,
      field: 'steps',
    })
    return []
  }
  if (value.length > RECIPE_LIMITS.steps) {
    problems.push({
      sentence: `The recipe has ${value.length} steps; the limit is ${RECIPE_LIMITS.steps}.`,
      field: 'steps',
    })
    return []
  }
  return value.flatMap((item: unknown, step) => {
    if (!isRecord(item)) {
      problems.push({
        sentence: `Step ${step + 1} is ${nameOf(item)}; a step is a map such as \`filter: length\`.`,
        step,
      })
      return []
    }
    const [first, ...settings] = Object.entries(item)
    if (!first) {
      problems.push({
        sentence: `Step ${step + 1} is empty; a step is a map such as \`filter: length\`.`,
        step,
      })
      return []
    }
    const [family, name] = first
    if (typeof name !== 'string') {
      problems.push({
        sentence: `Step ${step + 1} begins with \`${shorten(family)}\` and ${nameOf(name)}; a step begins with its family and its name, such as \`filter: length\`.`,
        step,
      })
      return []
    }
    return [{ family, name, settings: Object.fromEntries(settings) }]
  })
}

/** Keys of version 2 in a recipe of version 1: there they are not settings. */
const reportNewKeys = (steps: readonly StepDraft[]): Problem[] =>
  steps.flatMap((draft, step) =>
    Object.keys(draft.settings).flatMap((field): Problem[] => {
      const old = findOldKey(draft, field)
      if (old === undefined) return []
      return [
        {
          sentence: `Step ${step + 1}: \`${field}\` is not a setting here: version 1 calls it \`${old}\`. Rename it, or change the first line to \`retort: ${RECIPE_VERSION}\`.`,
          step,
          field,
        },
      ]
    }),
  )

/**
 * Line (from 1) of a problem in the text, so that an editor can show it there: of its step or field, else of the first alias or the
 * second document, else of the recipe's first line. `undefined` if the text is too long or no longer contains the step.
 */
export function lineOfProblem(yamlText: string, { line, step, field }: Problem): number | undefined {
  if (line !== undefined) return line
  if (yamlText.length > RECIPE_LIMITS.characters) return undefined
  try {
    const [document, second] = readDocuments(yamlText)
    if (document === undefined) return 1
    const root = document.contents
    const top = second === undefined ? (findAlias(document) ?? firstOffset(yamlText)) : startOf(second)
    if ((step === undefined && field === undefined) || !isMap(root)) return lineAt(yamlText, top)
    let map = root
    let start: number | undefined = root.range?.[0] ?? top
    let old: string | undefined // the field's key in version 1
    if (step !== undefined) {
      const steps = root.get('steps', true)
      const item = isSeq(steps) ? steps.items[step] : undefined
      if ((isScalar(item) || isSeq(item)) && item.range) return lineAt(yamlText, item.range[0])
      if (!isMap(item)) return undefined
      map = item as typeof root
      start = item.range?.[0]
      const head = map.items[0]
      if (
        Number(root.get('retort')) === 1 &&
        field !== undefined &&
        isScalar(head?.key) &&
        isScalar(head.value)
      )
        old = findOldKey({ family: String(head.key.value), name: String(head.value.value) }, field)
    }
    const pair = map.items.find(({ key }) => isScalar(key) && (key.value === field || key.value === old))
    const at = isScalar(pair?.key) ? pair.key.range?.[0] : start
    return at === undefined ? undefined : lineAt(yamlText, at)
  } catch {
    return undefined // the text is not YAML at the moment
  }
}

const startOf = ({ contents, range }: Document.Parsed): number => contents?.range?.[0] ?? range[0]

/** Where the first alias is, which a recipe must not have. */
function findAlias(document: Document.Parsed): number | undefined {
  let found: number | undefined
  visit(document, {
    Alias(_key, node) {
      found = (node as Partial<ParsedNode>).range?.[0]
      return visit.BREAK
    },
  })
  return found
}

/** Where the first line that is no comment, directive or mark begins; the text's start if there is none. */
function firstOffset(yamlText: string): number {
  const line = /^(?![ \t]*(?:#|%|---[ \t]*\r?$|\r?$)).*\S/m.exec(yamlText)
  return line?.index ?? 0
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

function describeSyntax(text: string, error: YAMLParseError): Problem {
  const line = lineAt(text, error.pos[0])
  const message = error.message.split('\n')[0] ?? error.message
  if (/call stack/.test(message)) return { sentence: 'The text is nested too deeply to be a recipe.', line }
  if (error.code === 'DUPLICATE_KEY')
    return { sentence: `Line ${line}: the same field appears twice in one map. Remove one.`, line }
  return { sentence: `Line ${line} is not YAML: ${message.replace(/\.?$/, '.')}`, line }
}

const describeThrown = (thrown: unknown): string =>
  thrown instanceof ReferenceError
    ? 'The recipe uses YAML aliases (`*name`), which recipes do not support. Write the settings out in full.'
    : `This text could not be read as YAML (${thrown instanceof Error ? shorten(thrown.message) : 'unknown reason'}).`

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
const nameOf = (value: unknown): string =>
  value === null || value === undefined
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : value instanceof Uint8Array
        ? 'binary data'
        : typeof value === 'object'
          ? 'a map'
          : typeof value === 'string'
            ? `the text “${shorten(value)}”`
            : shorten(String(value))
