// Knows: how Python prints, compares and formats the values of a template: the Jinja package does it as JavaScript would.
// Must not know: templates' syntax.
import { Environment, type Interpreter } from '@huggingface/jinja'

export type Value = ReturnType<Interpreter['evaluate']>
type Call = (args: Value[], scope: Environment) => Value

/** The package's value of a JavaScript value. */
export const toValue = (value: unknown): Value => new Environment().set('value', value)

/** A function that gets the package's own values. */
export function toFunction(call: Call): Value {
  const made = toValue(() => null)
  Object.assign(made, { value: call })
  return made
}

export const isText = (value: Value): boolean => value.type === 'StringValue'
export const isUndefined = (value: Value): boolean => value.type === 'UndefinedValue'
export const isNone = (value: Value): boolean => value.type === 'NullValue'
export const isList = (value: Value): boolean => value.type === 'ArrayValue' || value.type === 'TupleValue'
export const isNumber = (value: Value): boolean =>
  value.type === 'IntegerValue' || value.type === 'FloatValue' || value.type === 'BooleanValue'
export function isTrue(value: Value): boolean {
  if (isList(value)) return listOf(value).length > 0
  return value.value instanceof Map ? value.value.size > 0 : Boolean(value.value)
}

export const textOf = (value: Value): string =>
  typeof value.value === 'string' ? value.value : pythonText(value)
export const numberOf = (value: Value): number => Number(value.value)
export const listOf = (value: Value): Value[] => (Array.isArray(value.value) ? value.value : [])
export const mapOf = (value: Value): Map<string, Value> =>
  value.value instanceof Map ? value.value : new Map()

const TYPES: Readonly<Record<string, string>> = {
  StringValue: 'a text',
  IntegerValue: 'a whole number',
  FloatValue: 'a number',
  BooleanValue: 'true or false',
  NullValue: 'none',
  UndefinedValue: 'something undefined',
  ArrayValue: 'a list',
  TupleValue: 'a tuple',
  ObjectValue: 'a map',
  FunctionValue: 'a function',
}
export const typeOf = ({ type }: Value): string => TYPES[type] ?? type

/** As Python's str(). */
export function pythonText(value: Value): string {
  if (isText(value)) return String(value.value)
  return isUndefined(value) ? '' : pythonRepr(value)
}

function pythonRepr(value: Value, depth = 0): string {
  if (depth > 50) throw new Error('it prints lists within lists too deeply')
  switch (value.type) {
    case 'StringValue':
      return quote(String(value.value))
    case 'NullValue':
      return 'None'
    case 'UndefinedValue':
      return 'Undefined'
    case 'BooleanValue':
      return value.value ? 'True' : 'False'
    case 'ArrayValue':
      return `[${listOf(value)
        .map((item) => pythonRepr(item, depth + 1))
        .join(', ')}]`
    case 'TupleValue': {
      const items = listOf(value).map((item) => pythonRepr(item, depth + 1))
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`
    }
    case 'ObjectValue':
      return `{${[...mapOf(value)].map(([key, item]) => `${quote(key)}: ${pythonRepr(item, depth + 1)}`).join(', ')}}`
    case 'IntegerValue':
    case 'FloatValue':
      return value.toString()
    default:
      throw new Error(`it prints ${typeOf(value)}`)
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replaceAll(/[\\\p{Cc}]/gu, (character) => {
    const known = ESCAPES[character]
    return known ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark
}

/** As Python's ==. */
export function isEqual(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return numberOf(a) === numberOf(b)
  if (a.type !== b.type) return false
  if (isList(a)) {
    const [left, right] = [listOf(a), listOf(b)]
    return left.length === right.length && left.every((item, i) => isEqual(item, right[i] ?? toValue(null)))
  }
  if (a.type === 'ObjectValue') {
    const [left, right] = [mapOf(a), mapOf(b)]
    return (
      left.size === right.size &&
      [...left].every(([key, item]) => {
        const other = right.get(key)
        return other !== undefined && isEqual(item, other)
      })
    )
  }
  return isUndefined(a) || a.value === b.value
}

/** Max characters of a text that is taken apart: each becomes a value of its own. */
const MAX_CHARACTERS = 100_000

/** What a `for` goes through: characters, items or keys; something undefined has none. */
export function iterate(value: Value): Value[] {
  if (isList(value)) return listOf(value)
  if (isText(value)) {
    const text = String(value.value)
    if (text.length > MAX_CHARACTERS)
      throw new Error(`it goes through a text of more than ${MAX_CHARACTERS} characters`)
    return Array.from(text, toValue)
  }
  if (value.type === 'ObjectValue') return Array.from(mapOf(value).keys(), toValue)
  if (isUndefined(value)) return []
  throw new Error(`it goes through ${typeOf(value)} as if it were a list`)
}

/** `"%s and %d" % (a, b)`, without widths and precisions. */
export function formatPercent(format: string, values: Value): string {
  const items = values.type === 'TupleValue' ? listOf(values) : [values]
  let next = 0
  const text = format.replaceAll(/%(.?)/gsu, (_, kind: string) => {
    if (kind === '%') return '%'
    const item = items[next++]
    if (item === undefined) throw new Error('it has too few values for a “%” format')
    if (kind === 's') return pythonText(item)
    if (kind === 'r') return pythonRepr(item)
    if (kind === 'd' && isNumber(item)) return String(Math.trunc(numberOf(item)))
    throw new Error(`it uses the format “%${kind}”, which is not supported`)
  })
  if (next < items.length) throw new Error('it has too many values for a “%” format')
  return text
}

/** `"{} {0} {name}".format(…)`, without format specifications. */
export function formatBraces(
  format: string,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
): string {
  if (/\{\}/.test(format) && /\{\d+\}/.test(format))
    throw new Error('it mixes “{}” and “{0}” in a “.format()” text')
  let next = 0
  return format.replaceAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]/gu, (whole, field: string | undefined) => {
    if (whole === '{{' || whole === '}}') return whole.charAt(0)
    if (field === undefined) throw new Error('it has a single brace in a “.format()” text')
    const item = field === '' ? args[next++] : /^\d+$/.test(field) ? args[Number(field)] : named.get(field)
    if (item === undefined)
      throw new Error(
        `it uses “{${field.slice(0, 40)}}” with .format(), which has no such value or is not supported`,
      )
    return pythonText(item)
  })
}

/** Half to even, as Python rounds. */
export function roundHalfEven(value: number, precision: number): number {
  const scale = 10 ** precision
  const scaled = value * scale
  const below = Math.floor(scaled)
  const rest = scaled - below
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below
  return rounded / scale
}
