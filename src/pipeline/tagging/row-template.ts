// Knows: the Jinja templates of steps of a person's own: which constructs they may have, and how they are filled in with bounds on time
// and size: recipes are shared, so a template is untrusted.
// Must not know: models, steps. Chat templates of models are another matter (engine/tokenizers/templates/chat-template.ts).
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { sentenceOf, type RowTemplate, type TemplateValues } from './template-language.ts'

const VARIABLES: readonly (keyof TemplateValues)[] = [
  'prompt',
  'messages',
  'conversation',
  'completion',
  'reference',
  'fields',
]

/** Max characters of any text on the way. */
const MAX_TEXT = 200_000
/** Max parts of the template that are evaluated, repeated ones included: a count and no clock, so that every run ends the same. */
const MAX_STEPS = 20_000

/** Constructs that are evaluated in a time that grows no faster than their values. Calls, macros and maps are not among them. */
const NODES: ReadonlySet<string> = new Set([
  'Program',
  'If',
  'For',
  'Set',
  'Break',
  'Continue',
  'Comment',
  'MemberExpression',
  'Identifier',
  'IntegerLiteral',
  'FloatLiteral',
  'StringLiteral',
  'ArrayLiteral',
  'TupleLiteral',
  'BinaryExpression',
  'FilterExpression',
  'SelectExpression',
  'TestExpression',
  'UnaryExpression',
  'SliceExpression',
  'Ternary',
])
const FILTERS: ReadonlySet<string> = new Set(
  'abs capitalize default first float int items join last length list lower reverse sort string title trim upper'.split(
    ' ',
  ),
)
const CONSTANTS = { true: true, True: true, false: false, False: false, none: null, None: null } as const

/** The template, or the problem with it: “it …”. */
export function compileRowTemplate(text: string): Checked<RowTemplate> {
  try {
    const program = parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }))
    const names = new Set<string>([...VARIABLES, ...Object.keys(CONSTANTS), 'loop'])
    collectNames(program, names)
    checkNode(program, names)
    return accept((values) => {
      const interpreter = new BoundedInterpreter(new Environment())
      for (const [name, value] of Object.entries({ ...CONSTANTS, ...values }))
        interpreter.global.set(name, value)
      const { value } = interpreter.run(program)
      return typeof value === 'string' ? value.trim() : ''
    })
  } catch (thrown) {
    return refuse({ sentence: sentenceOf(thrown) })
  }
}

class BoundedInterpreter extends Interpreter {
  #steps = 0

  override evaluate(...[node, environment]: Parameters<Interpreter['evaluate']>) {
    this.#steps += 1
    if (this.#steps > MAX_STEPS) throw new Error(`it takes more than ${MAX_STEPS} steps`)
    const result = super.evaluate(node, environment)
    if (typeof result.value === 'string' && result.value.length > MAX_TEXT)
      throw new Error(`it makes a text of more than ${MAX_TEXT} characters`)
    return result
  }
}

/** A node of the package's parser, as data. */
interface Node {
  readonly type: string
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
const fieldOf = (node: Node, name: string): unknown =>
  new Map<string, unknown>(Object.entries(node)).get(name)

const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode)
const nameOf = (value: unknown): string => {
  const name = isNode(value) && value.type === 'Identifier' ? fieldOf(value, 'value') : undefined
  return typeof name === 'string' ? name : ''
}

/** Adds the names that loops and assignments make. */
function collectNames(node: Node, names: Set<string>): void {
  const target =
    node.type === 'For'
      ? fieldOf(node, 'loopvar')
      : node.type === 'Set'
        ? fieldOf(node, 'assignee')
        : undefined
  if (isNode(target)) for (const made of [target, ...childrenOf(target)]) names.add(nameOf(made))
  for (const child of childrenOf(node)) collectNames(child, names)
}

/** Throws an Error at a construct that is not allowed, or a name that nothing has. */
function checkNode(node: Node, names: ReadonlySet<string>): void {
  if (!NODES.has(node.type)) throw new Error(`it uses a ${readable(node.type)}, which is not supported here`)
  if (node.type === 'Identifier' && !names.has(nameOf(node)))
    throw new Error(
      `it reads \`${nameOf(node).slice(0, 60)}\`, which a row does not have. It has ${VARIABLES.join(', ')}`,
    )
  for (const child of childrenOf(node)) {
    if (node.type === 'FilterExpression' && child === fieldOf(node, 'filter')) checkFilter(child, names)
    else if (!isName(node, child)) checkNode(child, names)
  }
}

/** Whether a part of a node only names something: an operator, a test or a member. */
const isName = (node: Node, child: Node): boolean =>
  child === fieldOf(node, 'operator') ||
  (node.type === 'TestExpression' && child === fieldOf(node, 'test')) ||
  (node.type === 'MemberExpression' &&
    child === fieldOf(node, 'property') &&
    fieldOf(node, 'computed') !== true)

function checkFilter(filter: Node, names: ReadonlySet<string>): void {
  const callee = filter.type === 'CallExpression' ? fieldOf(filter, 'callee') : filter
  const name = nameOf(callee)
  if (!FILTERS.has(name))
    throw new Error(`it uses the filter “${name.slice(0, 40)}”, which is not supported here`)
  if (filter.type === 'CallExpression')
    for (const child of childrenOf(filter)) if (child !== callee) checkNode(child, names)
}

/** Such as “call expression”. */
const readable = (type: string): string => type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
