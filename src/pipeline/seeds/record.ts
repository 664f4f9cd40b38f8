// Knows: the forms in which other tools write a record, and what in each is the seed and what its answer.

/** A record as a seed, or why it is none. */
export type RecordRead =
  | { readonly text: string; readonly answer?: string }
  | { readonly sentence: string; readonly field?: string }

/** Fields that hold what is asked and what was answered, the likeliest first. */
export const TEXT_FIELDS = [
  'prompt',
  'instruction',
  'question',
  'query',
  'task',
  'seed',
  'text',
  'sentence',
  'content',
  'input',
] as const
export const ANSWER_FIELDS = ['completion', 'output', 'response', 'answer', 'reply', 'chosen'] as const

/**
 * Reads one record: a string; Self-Instruct's {instruction, instances: [{input, output}]}, of which the first instance is taken;
 * Alpaca's {instruction, input, output}; {prompt, completion}; {messages} and ShareGPT's {conversations}, of which the first
 * question and its answer are taken; {text}. Instruction and input are joined by a blank line.
 */
export function readRecord(value: unknown): RecordRead {
  if (typeof value === 'string') return { text: value }
  if (!isRecord(value))
    return { sentence: `A seed is a text or a record such as {"prompt": "…"}; this is ${nameOf(value)}.` }
  for (const field of ['messages', 'conversations'] as const)
    if (value[field] !== undefined) return readChat(value[field], field)
  const field = TEXT_FIELDS.find((name) => value[name] !== undefined && value[name] !== null)
  if (field === undefined) {
    const there = Object.keys(value)
      .slice(0, 8)
      .map((name) => `\`${name.slice(0, 40)}\``)
    return {
      sentence: `The record has no \`prompt\`, \`instruction\`, \`text\` or \`messages\`; it has ${there.join(', ') || 'nothing'}.`,
      field: 'prompt',
    }
  }
  if (Array.isArray(value[field])) return readChat(value[field], field, readAnswer(value))
  const asked = value[field]
  if (typeof asked !== 'string')
    return { sentence: `\`${field}\` must be text, not ${nameOf(asked)}.`, field }
  const instance = readInstance(value)
  if (instance && 'sentence' in instance) return instance
  const input = instance?.input ?? (field === 'input' ? undefined : value['input'])
  const answer = instance?.output ?? readAnswer(value)
  return join(asked, typeof input === 'string' ? input : '', answer)
}

function readInstance(
  value: Readonly<Record<string, unknown>>,
): { input?: unknown; output?: string } | { sentence: string; field: string } | undefined {
  const { instances } = value
  if (instances === undefined) return undefined
  const first: unknown = Array.isArray(instances) ? instances[0] : undefined
  if (first === undefined) return {}
  if (!isRecord(first))
    return {
      sentence: `\`instances\` must be a list of records with \`input\` and \`output\`, not of ${nameOf(first)}.`,
      field: 'instances',
    }
  return {
    input: first['input'],
    ...(typeof first['output'] === 'string' ? { output: first['output'] } : {}),
  }
}

function readAnswer(value: Readonly<Record<string, unknown>>): string | undefined {
  for (const name of ANSWER_FIELDS) {
    const answer = value[name]
    if (typeof answer === 'string') return answer
    const last: unknown = Array.isArray(answer) ? answer.at(-1) : undefined // a chat, as TRL writes it
    if (isRecord(last) && typeof last['content'] === 'string') return last['content']
  }
  return undefined
}

/** The first question of a chat, and the answer that follows it. */
function readChat(value: unknown, field: string, answer?: string): RecordRead {
  if (!Array.isArray(value))
    return { sentence: `\`${field}\` must be a list of messages, not ${nameOf(value)}.`, field }
  const turns = value.map((turn: unknown) =>
    isRecord(turn)
      ? { role: turn['role'] ?? turn['from'], content: turn['content'] ?? turn['value'] }
      : undefined,
  )
  const at = turns.findIndex((turn) => turn?.role === 'user' || turn?.role === 'human')
  const asked = turns[at]?.content
  if (typeof asked !== 'string')
    return { sentence: `\`${field}\` has no message of the role “user” with text in it.`, field }
  const next = turns[at + 1]
  const said =
    answer ??
    ((next?.role === 'assistant' || next?.role === 'gpt') && typeof next.content === 'string'
      ? next.content
      : undefined)
  return join(asked, '', said)
}

/** `<noinput>` is what some Self-Instruct data write for none. */
const join = (asked: string, input: string, answer: string | undefined): RecordRead => {
  const more = input.trim()
  const text = more === '' || /^<?no ?input>?$/i.test(more) ? asked : `${asked.trimEnd()}\n\n${more}`
  return answer === undefined ? { text } : { text, answer }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const nameOf = (value: unknown): string =>
  value === null
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'a record'
        : typeof value === 'number'
          ? 'a number'
          : typeof value === 'boolean'
            ? 'true or false'
            : 'a text'
