// Knows: Jinja's filters and tests where the package lacks them or differs from Python.
// Must not know: templates' syntax.
import {
  isEqual,
  isList,
  isNone,
  isNumber,
  isText,
  isTrue,
  isUndefined,
  iterate,
  listOf,
  mapOf,
  numberOf,
  pythonText,
  roundHalfEven,
  textOf,
  toValue,
  typeOf,
  type Value,
} from './python-values.ts'

export interface FilterCall {
  readonly args: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

type Filter = (operand: Value, call: FilterCall) => Value

const argument = ({ args, named }: FilterCall, at: number, name: string): Value | undefined =>
  args[at] ?? named.get(name)

/** "a.b.0" of a value. */
function readPath(item: Value, path: Value): Value {
  let found = item
  for (const key of pythonText(path).split('.')) {
    const next = isList(found) ? listOf(found)[Number(key)] : mapOf(found).get(key)
    if (next === undefined) return toValue(undefined)
    found = next
  }
  return found
}

/** A list whose items are the package's values. */
function toList(items: readonly Value[]): Value {
  const list = toValue([])
  Object.assign(list, { value: [...items] })
  return list
}

const floatOf = (value: number): Value => {
  if (!Number.isInteger(value)) return toValue(value)
  const float = toValue(0.5)
  Object.assign(float, { value })
  return float
}

/** The values of "|select" and its relatives: something false has none. */
const falsyIsEmpty = (operand: Value): Value[] => (isTrue(operand) ? iterate(operand) : [])

const choose =
  (keeps: boolean, byAttribute: boolean): Filter =>
  (operand, { args }) => {
    const [attribute] = byAttribute ? args : []
    const [test, ...rest] = byAttribute ? args.slice(1) : args
    return toList(
      falsyIsEmpty(operand).filter((item) => {
        const value = attribute === undefined ? item : readPath(item, attribute)
        return (test === undefined ? isTrue(value) : runTest(pythonText(test), value, rest)) === keeps
      }),
    )
  }

const toInteger: Filter = (operand, call) => {
  const fallback = argument(call, 0, 'default') ?? toValue(0)
  const base = argument(call, 1, 'base')
  if (isNumber(operand)) return toValue(Math.trunc(numberOf(operand)))
  if (!isText(operand)) return fallback
  const text = textOf(operand).trim().replaceAll('_', '').toLowerCase()
  const radix = base === undefined ? 10 : numberOf(base)
  const digits =
    radix === 16
      ? text.replace(/^([+-]?)0x/, '$1')
      : radix === 2
        ? text.replace(/^([+-]?)0b/, '$1')
        : radix === 8
          ? text.replace(/^([+-]?)0o/, '$1')
          : text
  const parsed = Number.parseInt(digits, radix)
  if (
    digits !== '' &&
    [...digits.replace(/^[+-]/, '')].every((digit) => Number.parseInt(digit, radix) >= 0) &&
    Number.isFinite(parsed)
  )
    return toValue(parsed)
  const float = text === '' ? Number.NaN : Number(text)
  return Number.isFinite(float) ? toValue(Math.trunc(float)) : fallback
}

const itemOf = (item: Value | undefined): Value => item ?? toValue(undefined)
const characterOf = (character: string | undefined): Value => toValue(character)

const FILTERS: Readonly<Record<string, Filter>> = {
  string: (operand) => toValue(pythonText(operand)),
  upper: (operand) => toValue(pythonText(operand).toUpperCase()),
  lower: (operand) => toValue(pythonText(operand).toLowerCase()),
  capitalize: (operand) => toValue(capitalize(pythonText(operand))),
  title: (operand) =>
    toValue(
      pythonText(operand)
        .split(/([-\s({[<]+)/u)
        .map(capitalize)
        .join(''),
    ),
  trim: (operand, call) => {
    const characters = argument(call, 0, 'chars')
    const text = pythonText(operand)
    if (characters === undefined) return toValue(text.trim())
    const units = [...text]
    const set = pythonText(characters)
    let [from, to] = [0, units.length]
    while (from < to && set.includes(units[from] ?? '')) from++
    while (to > from && set.includes(units[to - 1] ?? '')) to--
    return toValue(units.slice(from, to).join(''))
  },
  join: (operand, call) => {
    const separator = argument(call, 0, 'd')
    const attribute = argument(call, 1, 'attribute')
    const items = iterate(operand).map((item) => (attribute === undefined ? item : readPath(item, attribute)))
    return toValue(items.map(pythonText).join(separator === undefined ? '' : pythonText(separator)))
  },
  int: toInteger,
  float: (operand, call) => {
    const number = isNumber(operand)
      ? numberOf(operand)
      : isText(operand) && textOf(operand).trim() !== ''
        ? Number(textOf(operand))
        : Number.NaN
    return Number.isFinite(number) ? floatOf(number) : (argument(call, 0, 'default') ?? floatOf(0))
  },
  round: (operand, call) => {
    if (!isNumber(operand)) throw new Error(`it rounds ${typeOf(operand)}`)
    const precision = argument(call, 0, 'precision')
    const method = argument(call, 1, 'method')
    const [places, how] = [
      precision === undefined ? 0 : numberOf(precision),
      method === undefined ? 'common' : pythonText(method),
    ]
    if (how === 'common' && operand.type === 'IntegerValue' && places >= 0) return operand
    const scale = 10 ** places
    const value = numberOf(operand)
    return floatOf(
      how === 'ceil'
        ? Math.ceil(value * scale) / scale
        : how === 'floor'
          ? Math.floor(value * scale) / scale
          : roundHalfEven(value, places),
    )
  },
  length: (operand) =>
    toValue(isText(operand) ? Array.from(textOf(operand)).length : iterate(operand).length),
  list: (operand) => toList(iterate(operand)),
  first: (operand) =>
    isText(operand) ? characterOf(Array.from(textOf(operand).slice(0, 2))[0]) : itemOf(iterate(operand)[0]),
  last: (operand) =>
    isText(operand)
      ? characterOf(Array.from(textOf(operand).slice(-2)).at(-1))
      : itemOf(iterate(operand).at(-1)),
  reverse: (operand) =>
    isText(operand)
      ? toValue([...textOf(operand)].toReversed().join(''))
      : toList(iterate(operand).toReversed()),
  default: (operand, call) => {
    const flag = argument(call, 1, 'boolean')
    const replaces = isUndefined(operand) || (flag !== undefined && isTrue(flag) && !isTrue(operand))
    return replaces ? (argument(call, 0, 'default_value') ?? toValue('')) : operand
  },
  select: choose(true, false),
  reject: choose(false, false),
  selectattr: choose(true, true),
  rejectattr: choose(false, true),
  map: (operand, call) => {
    const attribute = call.named.get('attribute')
    const fallback = call.named.get('default')
    const [name, ...args] = call.args
    return toList(
      falsyIsEmpty(operand).map((item) => {
        if (attribute === undefined)
          return runFilter(name === undefined ? '' : pythonText(name), item, { args, named: new Map() })
        const found = readPath(item, attribute)
        return isUndefined(found) && fallback !== undefined ? fallback : found
      }),
    )
  },
  sum: (operand) => toValue(iterate(operand).reduce((sum, item) => sum + numberOf(item), 0)),
  unique: (operand) => {
    const seen = new Set<string>()
    const others: Value[] = []
    return toList(
      iterate(operand).filter((item) => {
        const key = isText(item)
          ? `text ${textOf(item).toLowerCase()}`
          : isNumber(item)
            ? `number ${numberOf(item)}`
            : undefined
        const isKnown = key === undefined ? others.some((other) => isEqual(item, other)) : seen.has(key)
        if (key !== undefined) seen.add(key)
        else if (!isKnown) others.push(item)
        return !isKnown
      }),
    )
  },
}

const ALIASES: Readonly<Record<string, string>> = { count: 'length', d: 'default' }

export const capitalize = (text: string): string => {
  const [first = '', ...rest] = text
  return first.toUpperCase() + rest.join('').toLowerCase()
}

const nameOf = (name: string): string => ALIASES[name] ?? name

/** Whether a filter is ours; the package applies the others. */
export const hasFilter = (name: string): boolean =>
  Object.hasOwn(FILTERS, nameOf(name)) || name.startsWith(TEST_PREFIX)

/** Tests with an argument are filters of this name. */
export const TEST_PREFIX = 'is '

export function runFilter(name: string, operand: Value, call: FilterCall): Value {
  if (name.startsWith(TEST_PREFIX)) {
    const test = name.slice(TEST_PREFIX.length)
    const negated = test.startsWith('not ')
    return toValue(runTest(negated ? test.slice('not '.length) : test, operand, call.args) !== negated)
  }
  const filter = Object.hasOwn(FILTERS, nameOf(name)) ? FILTERS[nameOf(name)] : undefined
  if (filter === undefined)
    throw new Error(`it uses the filter “${name.slice(0, 40)}”, which is not supported here`)
  return filter(operand, call)
}

function compare(a: Value, b: Value | undefined): number {
  if (b !== undefined && isNumber(a) && isNumber(b)) return numberOf(a) - numberOf(b)
  if (b !== undefined && isText(a) && isText(b))
    return textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0
  throw new Error(`it compares ${typeOf(a)} with ${b === undefined ? 'nothing' : typeOf(b)}`)
}

const none = (): Value => toValue(null)

const TESTS: Readonly<Record<string, (value: Value, args: readonly Value[]) => boolean>> = {
  defined: (value) => !isUndefined(value),
  undefined: isUndefined,
  none: isNone,
  string: isText,
  number: isNumber,
  integer: ({ type }) => type === 'IntegerValue',
  float: ({ type }) => type === 'FloatValue',
  boolean: ({ type }) => type === 'BooleanValue',
  true: (value) => value.type === 'BooleanValue' && isTrue(value),
  false: (value) => value.type === 'BooleanValue' && !isTrue(value),
  mapping: ({ type }) => type === 'ObjectValue',
  iterable: (value) => isList(value) || isText(value) || value.type === 'ObjectValue' || isUndefined(value),
  sequence: (value) => isList(value) || isText(value) || value.type === 'ObjectValue' || isUndefined(value),
  callable: ({ type }) => type === 'FunctionValue',
  odd: (value) => Math.abs(numberOf(value) % 2) === 1,
  even: (value) => numberOf(value) % 2 === 0,
  lower: (value) => isCased(pythonText(value), 'lower'),
  upper: (value) => isCased(pythonText(value), 'upper'),
  divisibleby: (value, [by]) => numberOf(value) % numberOf(by ?? none()) === 0,
  sameas: (value, [other]) => other !== undefined && value.type === other.type && isEqual(value, other),
  eq: (value, [other]) => isEqual(value, other ?? none()),
  ne: (value, [other]) => !isEqual(value, other ?? none()),
  lt: (value, [other]) => compare(value, other) < 0,
  le: (value, [other]) => compare(value, other) <= 0,
  gt: (value, [other]) => compare(value, other) > 0,
  ge: (value, [other]) => compare(value, other) >= 0,
  in: (value, [other]) => isIn(value, other ?? none()),
}

const isCased = (text: string, kind: 'lower' | 'upper'): boolean =>
  text.toLowerCase() !== text.toUpperCase() &&
  text === (kind === 'lower' ? text.toLowerCase() : text.toUpperCase())

const TEST_ALIASES: Readonly<Record<string, string>> = {
  equalto: 'eq',
  '==': 'eq',
  '!=': 'ne',
  lessthan: 'lt',
  '<': 'lt',
  '<=': 'le',
  greaterthan: 'gt',
  '>': 'gt',
  '>=': 'ge',
}

export function runTest(name: string, value: Value, args: readonly Value[]): boolean {
  const known = TEST_ALIASES[name] ?? name
  const test = Object.hasOwn(TESTS, known) ? TESTS[known] : undefined
  if (test === undefined)
    throw new Error(`it uses the test “is ${name.slice(0, 40)}”, which is not supported here`)
  return test(value, args)
}

/** As Python's `in`. */
export function isIn(item: Value, container: Value): boolean {
  if (isText(container)) {
    if (!isText(item)) throw new Error(`it looks for ${typeOf(item)} in a text`)
    return textOf(container).includes(textOf(item))
  }
  if (container.type === 'ObjectValue') return isText(item) && mapOf(container).has(textOf(item))
  return iterate(container).some((other) => isEqual(item, other))
}

export { compare }
