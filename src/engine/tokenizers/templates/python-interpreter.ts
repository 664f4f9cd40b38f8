// Knows: where the Jinja package's interpreter differs from Python's Jinja, which templates are written for, and what happens instead: the
// same as in Python, or an error that names the construct. Checked against Python's jinja2 (tests/oracles/jinja.py).
// Must not know: limits, chats.
import { Interpreter, type Environment } from '@huggingface/jinja'
import {
  capitalize,
  compare,
  hasFilter,
  isIn,
  runFilter,
  runTest,
  type FilterCall,
} from './python-filters.ts'
import {
  formatBraces,
  formatPercent,
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
  textOf,
  toFunction,
  toValue,
  typeOf,
  type Value,
} from './python-values.ts'
import { fieldOf, isRecord, listOf as fieldsOf, textOf as fieldText } from '../files/unknown-json.ts'

type Node = Parameters<Interpreter['evaluate']>[0]

/** Our own kinds of nodes, put around the package's by `prepareProgram`. */
const PRINTED = 'Retort:printed'
const ITERATED = 'Retort:iterated'
const LOOP_BODY = 'Retort:loop body'

const STATEMENTS: ReadonlySet<string> = new Set([
  'Set',
  'If',
  'For',
  'Macro',
  'CallStatement',
  'FilterStatement',
  'Break',
  'Continue',
  'Comment',
  'StringLiteral',
])
const BODIES = ['body', 'alternate', 'defaultBlock'] as const

/** Marks what a parsed template prints and goes through. */
export function prepareProgram(node: unknown): void {
  if (node instanceof Map) for (const pair of node) for (const child of pair) prepareProgram(child)
  if (typeof node !== 'object' || node === null) return
  for (const child of Object.values(node)) prepareProgram(child)
  for (const name of BODIES) {
    const body: unknown = fieldOf(node, name)
    if (!Array.isArray(body)) continue
    for (const [i, statement] of (body as unknown[]).entries())
      if (!STATEMENTS.has(fieldText(statement, 'type') ?? ''))
        body[i] = { type: PRINTED, expression: statement }
  }
  if (fieldText(node, 'type') !== 'For') return
  Object.assign(node, { body: [{ type: LOOP_BODY, body: fieldsOf(node, 'body') }] })
  const holder =
    fieldText(fieldOf(node, 'iterable'), 'type') === 'SelectExpression' ? fieldOf(node, 'iterable') : node
  const field = holder === node ? 'iterable' : 'lhs'
  if (isRecord(holder))
    Object.assign(holder, {
      [field]: {
        type: ITERATED,
        expression: fieldOf(holder, field),
        unpacks: fieldText(fieldOf(node, 'loopvar'), 'type') === 'TupleLiteral',
      },
    })
}

export class PythonInterpreter extends Interpreter {
  /** What the iterations of each open loop wrote: the package loses the text before a `break` or `continue`. */
  readonly #loops: string[][] = []
  readonly #cut = new WeakMap<object, string>()

  override evaluate(node: Node, environment: Environment): Value {
    switch (node?.type) {
      case PRINTED:
        return toValue(pythonText(this.#child(node, 'expression', environment)))
      case 'If':
        return this.#block(
          fieldsOf(node, isTrue(this.#child(node, 'test', environment)) ? 'body' : 'alternate'),
          environment,
        )
      case 'For':
        return this.#loop(node, environment)
      case LOOP_BODY:
        return this.#iteration(node, environment)
      case ITERATED:
        return this.#iterated(node, environment)
      case 'BinaryExpression':
        return this.#binary(node, environment)
      case 'FilterExpression':
        return this.#filter(node, environment)
      case 'TestExpression':
        return this.#test(node, environment)
      case 'MemberExpression':
        return this.#member(node, environment)
      case 'CallExpression':
        return this.#call(node, environment)
      default:
        return super.evaluate(node, environment)
    }
  }

  #child(node: Node, field: string, environment: Environment): Value {
    return this.evaluate(fieldOf(node, field) as Node, environment) // a node of the package's parser
  }

  #block(statements: readonly unknown[], environment: Environment): Value {
    let text = ''
    try {
      for (const statement of statements) {
        const value = this.evaluate(statement as Node, environment) // a parser's node
        if (isText(value)) text += textOf(value)
      }
    } catch (thrown) {
      if (typeof thrown === 'object' && thrown !== null)
        this.#cut.set(thrown, text + (this.#cut.get(thrown) ?? ''))
      throw thrown
    }
    return toValue(text)
  }

  #loop(node: Node, environment: Environment): Value {
    const written: string[] = []
    this.#loops.push(written)
    try {
      const value = super.evaluate(node, environment)
      return written.length === 0 ? value : toValue(written.join(''))
    } finally {
      this.#loops.pop()
    }
  }

  #iteration(node: Node, environment: Environment): Value {
    const written = this.#loops.at(-1)
    try {
      written?.push(textOf(this.#block(fieldsOf(node, 'body'), environment)))
    } catch (thrown) {
      if (typeof thrown === 'object' && thrown !== null) written?.push(this.#cut.get(thrown) ?? '')
      throw thrown
    }
    return toValue('')
  }

  #iterated(node: Node, environment: Environment): Value {
    const value = this.#child(node, 'expression', environment)
    if (value.type === 'ObjectValue') return value
    const items = iterate(value).map((item) => {
      if (fieldOf(node, 'unpacks') !== true || item.type !== 'TupleValue') return item
      return listValue(listOf(item))
    })
    return listValue(items)
  }

  #binary(node: Node, environment: Environment): Value {
    const operator = fieldText(fieldOf(node, 'operator'), 'value') ?? ''
    if (operator === 'and' || operator === 'or') return super.evaluate(node, environment)
    const left = this.#child(node, 'left', environment)
    const right = this.#child(node, 'right', environment)
    switch (operator) {
      case '==':
        return toValue(isEqual(left, right))
      case '!=':
        return toValue(!isEqual(left, right))
      case '~':
        return toValue(pythonText(left) + pythonText(right))
      case 'in':
        return toValue(isIn(left, right))
      case 'not in':
        return toValue(!isIn(left, right))
      case '<':
        return toValue(compare(left, right) < 0)
      case '>':
        return toValue(compare(left, right) > 0)
      case '<=':
        return toValue(compare(left, right) <= 0)
      case '>=':
        return toValue(compare(left, right) >= 0)
      default:
        return this.#arithmetic(node, operator, left, right, environment)
    }
  }

  #arithmetic(node: Node, operator: string, left: Value, right: Value, environment: Environment): Value {
    if (operator === '%' && isText(left)) return toValue(formatPercent(textOf(left), right))
    if (operator === '+' && isText(left) && isText(right)) return toValue(textOf(left) + textOf(right))
    if (operator === '*' && (isText(left) || isText(right))) {
      const [text, times] = isText(left) ? [textOf(left), right] : [textOf(right), left]
      if (times.type !== 'IntegerValue') throw new Error(`it multiplies a text by ${typeOf(times)}`)
      if (text.length * numberOf(times) > MAX_REPEATED) throw new Error('it repeats a text too often')
      return toValue(text.repeat(Math.max(0, numberOf(times))))
    }
    if (operator === '+' && isList(left) && left.type === right.type) return super.evaluate(node, environment)
    if (!(isNumber(left) && isNumber(right)))
      throw new Error(`it uses “${operator}” between ${typeOf(left)} and ${typeOf(right)}`)
    if (operator === '%' || operator === '//' || operator === '/') {
      const [a, b] = [numberOf(left), numberOf(right)]
      if (b === 0) throw new Error('it divides by zero')
      if (operator === '%' && left.type !== 'FloatValue' && right.type !== 'FloatValue')
        return toValue(((a % b) + b) % b)
    }
    if (left.type === 'BooleanValue' || right.type === 'BooleanValue')
      throw new Error(`it uses “${operator}” with true or false, which is not supported here`)
    return super.evaluate(node, environment)
  }

  #filter(node: Node, environment: Environment): Value {
    const filter = fieldOf(node, 'filter')
    const name = fieldText(filter, 'value') ?? fieldText(fieldOf(filter, 'callee'), 'value') ?? ''
    if (!hasFilter(name)) {
      if (!PACKAGE_FILTERS.has(name))
        throw new Error(`it uses the filter “${name.slice(0, 40)}”, which is not supported here`)
      return super.evaluate(node, environment)
    }
    const operand = this.#child(node, 'operand', environment)
    return runFilter(name, operand, this.#arguments(filter, environment))
  }

  #arguments(call: unknown, environment: Environment): FilterCall {
    const args: Value[] = []
    const named = new Map<string, Value>()
    for (const argument of fieldsOf(call, 'args')) {
      const type = fieldText(argument, 'type')
      if (type === 'SpreadExpression' || type === 'KeywordSpreadExpression')
        throw new Error('it unpacks a list into arguments, which is not supported here')
      if (type === 'KeywordArgumentExpression')
        named.set(
          fieldText(fieldOf(argument, 'key'), 'value') ?? '',
          this.#child(argument as Node, 'value', environment),
        ) // a parser's node
      else args.push(this.evaluate(argument as Node, environment)) // a parser's node
    }
    return { args, named }
  }

  #test(node: Node, environment: Environment): Value {
    const name = fieldText(fieldOf(node, 'test'), 'value') ?? ''
    const passes = runTest(name, this.#child(node, 'operand', environment), [])
    return toValue(passes !== (fieldOf(node, 'negate') === true))
  }

  #member(node: Node, environment: Environment): Value {
    const property = fieldOf(node, 'property')
    if (fieldText(property, 'type') === 'SliceExpression') return super.evaluate(node, environment)
    const object = this.#child(node, 'object', environment)
    const name =
      fieldOf(node, 'computed') === true
        ? this.evaluate(property as Node, environment) // a parser's node
        : toValue(fieldOf(property, 'value'))
    if (isUndefined(object))
      throw new Error(`it reads “${pythonText(name).slice(0, 60)}” of something undefined`)
    if (isNone(object)) return toValue(undefined)
    if (isText(name)) {
      const key = textOf(name)
      const method = isText(object)
        ? textMethod(textOf(object), key)
        : isLoop(object) && key === 'cycle'
          ? cycle(object)
          : undefined
      if (method !== undefined) return method
      if (key === 'length' && (isText(object) || isList(object))) return toValue(undefined)
    } else if (object.type === 'ObjectValue')
      throw new Error(`it uses ${typeOf(name)} as the key of a map, which is not supported here`)
    return super.evaluate(node, environment)
  }

  #call(node: Node, environment: Environment): Value {
    const callee = fieldOf(node, 'callee')
    const name = fieldText(callee, 'value') ?? fieldText(fieldOf(callee, 'property'), 'value') ?? ''
    if (this.evaluate(callee as Node, environment).type !== 'FunctionValue')
      // a parser's node
      throw new Error(`it calls “${name.slice(0, 60)}()”, which is not supported here`)
    return super.evaluate(node, environment)
  }
}

const MAX_REPEATED = 1_000_000

/** Filters that the package applies as Python does. */
const PACKAGE_FILTERS: ReadonlySet<string> = new Set([
  'safe',
  'tojson',
  'items',
  'dictsort',
  'sort',
  'indent',
  'replace',
  'abs',
])

function listValue(items: readonly Value[]): Value {
  const list = toValue([])
  Object.assign(list, { value: [...items] })
  return list
}

const isLoop = (value: Value): boolean =>
  value.type === 'ObjectValue' && mapOf(value).has('revindex0') && mapOf(value).has('index0')

const cycle = (loop: Value): Value =>
  toFunction((args) => {
    const index = mapOf(loop).get('index0')
    return args[(index === undefined ? 0 : numberOf(index)) % Math.max(1, args.length)] ?? toValue(undefined)
  })

/** Methods of texts that the package lacks or gives another meaning. */
function textMethod(text: string, name: string): Value | undefined {
  switch (name) {
    case 'format':
      return toFunction((args) => {
        const last = args.at(-1)
        const named = last?.type === 'KeywordArgumentsValue' ? mapOf(last) : new Map<string, Value>()
        return toValue(formatBraces(text, named.size > 0 ? args.slice(0, -1) : args, named))
      })
    case 'capitalize':
      return toFunction(() => toValue(capitalize(text)))
    case 'title':
      return toFunction(() =>
        toValue(
          text.toLowerCase().replaceAll(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1)),
        ),
      )
    case 'join':
      return toFunction(([items]) =>
        toValue(
          iterate(items ?? toValue(undefined))
            .map(textOf)
            .join(text),
        ),
      )
    case 'isdigit':
      return toFunction(() => toValue(/^\p{Nd}+$/u.test(text)))
    case 'isalpha':
      return toFunction(() => toValue(/^\p{L}+$/u.test(text)))
    case 'isspace':
      return toFunction(() => toValue(/^\s+$/u.test(text)))
    case 'find':
      return toFunction(([part]) => {
        const at = text.indexOf(textOf(part ?? toValue('')))
        return toValue(at < 0 ? -1 : Array.from(text.slice(0, at)).length)
      })
    case 'count':
      return toFunction(([part]) => toValue(text.split(textOf(part ?? toValue(' '))).length - 1))
    case 'removeprefix':
      return toFunction(([part]) =>
        toValue(
          text.startsWith(textOf(part ?? toValue('')))
            ? text.slice(textOf(part ?? toValue('')).length)
            : text,
        ),
      )
    case 'removesuffix':
      return toFunction(([part]) => {
        const end = textOf(part ?? toValue(''))
        return toValue(end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text)
      })
    default:
      return undefined
  }
}
