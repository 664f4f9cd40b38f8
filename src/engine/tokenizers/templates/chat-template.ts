// Knows: how a model's chat template (Jinja) is rendered. Templates are untrusted: rendering always ends within
// a bounded time and size, with a text or an error with a sentence.
import { Environment, type Interpreter } from '@huggingface/jinja'
import { prepareProgram, PythonInterpreter } from './python-interpreter.ts'
import { parseTemplate } from './template-syntax.ts'
import { probeTemplate, type ProbedTemplate, type TemplateTraits } from './template-traits.ts'
import type { ChatMessageText } from './chat-message.ts'
import { fieldOf, show } from '../files/unknown-json.ts'

/** Max characters of a template: those with tool calls in several languages reach about 30,000. */
const MAX_TEMPLATE = 256 * 1024
/** Max blanks in a row: the package's tokenizer takes quadratic time for them. */
const MAX_BLANKS = 1000
/** Max characters of any text in a template; prompts reach the context length long before. */
const MAX_TEXT = 8 * 1024 * 1024
const MAX_ITEMS = 20_000
/** Whole numbers are exact up to here. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER
/** Max items of all ranges in total. */
const MAX_COUNTED = 200_000
const MAX_MS = 3_000
/** The same for each of the small chats with which a template is tried. */
const MAX_PROBE_MS = 300

export interface ChatTemplate {
  /**
   * As transformers renders it. `thinking` switches reasoning, if the template has a switch; absent: its own default. Throws an Error with a
   * sentence if the template rejects the messages, fails or takes too long.
   */
  render(messages: readonly ChatMessageText[], addGenerationPrompt: boolean, thinking?: boolean): string
  /** Found by rendering small chats, when first needed. */
  readonly traits: TemplateTraits
  /** Whether it writes this text by itself. */
  mentions(token: string): boolean
}

/** A variable of a template other than the messages. */
export type TemplateValue = string | readonly string[]

type Value = ReturnType<Interpreter['evaluate']>

class LimitReached extends Error {}

/** The interpreter with limits on time and on the size of every value. */
class BoundedInterpreter extends PythonInterpreter {
  readonly #maxMs: number
  readonly #until: number
  #steps = 0

  constructor(environment: Environment, maxMs: number) {
    super(environment)
    this.#maxMs = maxMs
    this.#until = performance.now() + maxMs
  }

  override evaluate(statement: Parameters<Interpreter['evaluate']>[0], environment: Environment): Value {
    // Reading the clock is slower than most steps, so only every 64th step does; empty loops are bounded by MAX_ITEMS.
    if ((this.#steps++ & 63) === 0 && performance.now() > this.#until)
      throw new LimitReached(`takes longer than ${this.#maxMs / 1000} seconds`)
    const result = super.evaluate(statement, environment)
    const { value } = result
    if (typeof value === 'string' && value.length > MAX_TEXT)
      throw new LimitReached('makes a text of more than 8 million characters')
    if (Array.isArray(value) && value.length > MAX_ITEMS)
      throw new LimitReached(`makes a list of more than ${MAX_ITEMS} items`)
    if (typeof value === 'number' && Math.abs(value) > MAX_NUMBER)
      throw new LimitReached(`counts beyond ${MAX_NUMBER}`)
    return result
  }
}

/**
 * Compiles a template. `tokens` are its variables (`bos_token`, `eos_token`, …). Throws an Error with a sentence if the
 * template cannot be parsed.
 */
export function compileChatTemplate(
  template: string,
  tokens: Readonly<Record<string, TemplateValue>>,
): ChatTemplate {
  if (template.length > MAX_TEMPLATE)
    throw new Error(
      `The model's chat template is longer than ${MAX_TEMPLATE} characters, which is not supported. Use raw prompts with this model, or choose another.`,
    )
  if (template.match(/\s+/g)?.some((blanks) => blanks.length > MAX_BLANKS))
    throw new Error(
      `The model's chat template has more than ${MAX_BLANKS} blanks in a row, which is not supported. Use raw prompts with this model, or choose another.`,
    )
  const program = guard('cannot be read', () => {
    const parsed = parseTemplate(template)
    rewriteStrips(parsed)
    prepareProgram(parsed)
    return parsed
  })
  const renderWithin = (
    messages: readonly ChatMessageText[],
    addGenerationPrompt: boolean,
    thinking: boolean | undefined,
    maxMs: number,
  ): string =>
    guard('failed', () => {
      const interpreter = new BoundedInterpreter(makeEnvironment(), maxMs)
      const variables: Readonly<Record<string, unknown>> = {
        ...NO_TOKENS,
        ...tokens,
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: addGenerationPrompt,
        ...(thinking === undefined ? {} : { enable_thinking: thinking, thinking }), // the two names that families use
        tools: null, // as transformers does for what a chat does not have
        documents: null,
      }
      for (const [name, value] of Object.entries(variables)) interpreter.global.set(name, value)
      const { value } = interpreter.run(program)
      if (typeof value !== 'string') throw new Error('its output is not text')
      return value
    })
  let probed: ProbedTemplate | undefined
  const probe = (): ProbedTemplate =>
    (probed ??= probeTemplate((messages, addGenerationPrompt, thinking) =>
      renderWithin(messages, addGenerationPrompt, thinking, MAX_PROBE_MS),
    ))
  return {
    get traits() {
      return probe().traits
    },
    mentions: (token) =>
      token !== '' && (template.includes(token) || probe().samples.some((sample) => sample.includes(token))),
    render: (messages, addGenerationPrompt, thinking) =>
      renderWithin(messages, addGenerationPrompt, thinking, MAX_MS),
  }
}

/** A model without one of these tokens has an empty text in its place, as a GGUF file has it. */
const NO_TOKENS = { bos_token: '', eos_token: '', unk_token: '', pad_token: '' } as const

const STRIPS: ReadonlySet<string> = new Set(['strip', 'lstrip', 'rstrip'])

/**
 * Turns `text.lstrip('x')` into a call of our own function: the package's methods ignore the characters and
 * strip white space. Templates that remove a model's reasoning from its answers use them.
 */
function rewriteStrips(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  for (const child of Object.values(node)) rewriteStrips(child)
  if (
    !(
      'type' in node &&
      node.type === 'CallExpression' &&
      'callee' in node &&
      'args' in node &&
      Array.isArray(node.args) &&
      node.args.length === 1
    )
  )
    return
  const { callee } = node
  if (
    typeof callee !== 'object' ||
    callee === null ||
    !('computed' in callee && callee.computed === false && 'object' in callee && 'property' in callee)
  )
    return
  const name = fieldOf(callee.property, 'value')
  if (typeof name !== 'string' || !STRIPS.has(name)) return
  node.args.unshift(callee.object)
  node.callee = { type: 'Identifier', value: `characters of ${name}` } // no template can write such a name
}

/** Python's strip with characters: removes these characters from the ends. */
function stripCharacters(name: string, text: unknown, characters: unknown): string {
  if (typeof text !== 'string' || !(typeof characters === 'string' || characters === null))
    throw new Error(`${name}() got something that is not a text`)
  const units = [...text]
  const isStripped = (character: string | undefined): boolean =>
    character !== undefined &&
    (characters === null ? character.trim() === '' : characters.includes(character))
  let [from, to] = [0, units.length]
  if (name !== 'rstrip') while (from < to && isStripped(units[from])) from++
  if (name !== 'lstrip') while (to > from && isStripped(units[to - 1])) to--
  return units.slice(from, to).join('')
}

function makeEnvironment(): Environment {
  const environment = new Environment()
  for (const [name, value] of [
    ['true', true],
    ['True', true],
    ['false', false],
    ['False', false],
    ['none', null],
    ['None', null],
  ] as const)
    environment.set(name, value)
  let counted = 0
  environment.set('range', (first: number, second?: number, step?: number) => {
    const range = makeRange(first, second, step)
    counted += range.length + 1
    // One item can take longer than the interval of the clock checks.
    if (counted > MAX_COUNTED) throw new LimitReached(`counts more than ${MAX_COUNTED} times`)
    return range
  })
  for (const name of STRIPS)
    environment.set(`characters of ${name}`, (text: unknown, characters: unknown) =>
      stripCharacters(name, text, characters),
    )
  environment.set('raise_exception', (message: unknown) => {
    throw new Error(`it raised: ${typeof message === 'string' ? message : show(message)}`)
  })
  environment.set('strftime_now', (format: unknown) => {
    if (typeof format !== 'string') throw new Error(`it formats the date by ${show(format)}`)
    return format.slice(0, 1000).replace(/%-?([a-zA-Z%])/g, (whole, code: string) => TODAY[code] ?? whole)
  })
  return environment
}

/**
 * A fixed date, 1 January 2025, by strftime's codes: templates that print the date give the same prompt every
 * day, so that runs are reproducible.
 */
const TODAY: Readonly<Record<string, string>> = {
  d: '01',
  b: 'Jan',
  B: 'January',
  m: '01',
  Y: '2025',
  y: '25',
  A: 'Wednesday',
  a: 'Wed',
  H: '00',
  I: '12',
  M: '00',
  S: '00',
  p: 'AM',
  j: '001',
  '%': '%',
}

/** Python's range, bounded. */
function makeRange(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  if (!(Number.isInteger(start) && Number.isInteger(stop) && Number.isInteger(step) && step !== 0))
    throw new Error('range() got something that is not a whole number')
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (count > MAX_ITEMS) throw new LimitReached(`makes a list of more than ${MAX_ITEMS} items`)
  return Array.from({ length: count }, (_, i) => start + i * step)
}

function guard<T>(verb: string, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    const reason =
      thrown instanceof LimitReached
        ? `it ${thrown.message}`
        : thrown instanceof RangeError
          ? 'its nesting is too deep or it grows too large'
          : thrown instanceof Error
            ? thrown.message
            : String(thrown)
    throw new Error(`The model's chat template ${verb}: ${reason.slice(0, 300)}`, { cause: thrown })
  }
}
