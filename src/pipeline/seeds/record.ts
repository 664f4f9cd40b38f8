// Knows: the record formats of other tools, and which fields of each are the seed and its answer.

/** A record as a seed, or why it is not one. */
export type RecordRead =
  | { readonly text: string; readonly answer?: string }
  | { readonly sentence: string; readonly field?: string }

/** Fields of the prompt and of the answer, the most common first. */
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
 * Reads one record: a string; the first instance of Self-Instruct's {instruction, instances: [{input, output}]}; Alpaca's
 * {instruction, input, output}; {prompt, completion}; the first user message and its answer of {messages} and ShareGPT's
 * {conversations}; {text}. Instruction and input are joined by a blank line.
 */
export function readRecord(value: unknown): RecordRead {
  if (typeof value === 'string') return { text: value }
  if (!isRecord(value))
    return { sentence: `A seed is a text or a record such as {"prompt": "…"}; this is ${nameOf(value)}.` }
  for (const field of ['messages', 'conversations'] as const)
    if (value[field] !== undefined) return readChat(value[field], field)
  const field = TEXT_FIELDS.find((name) => value[name] !== undefined && value[name] !== null)
  if (field === undefined) {
    const fields = Object.keys(value)
      .slice(0, 8)
      .map((name) => `\`${name.slice(0, 40)}\``)
    return {
      sentence: `The record has no \`prompt\`, \`instruction\`, \`text\` or \`messages\`; it has ${fields.join(', ') || 'no fields'}.`,
      field: 'prompt',
    }
  }
  if (Array.isArray(value[field])) return readChat(value[field], field, readAnswer(value))
  const prompt = value[field]
  if (typeof prompt !== 'string')
    return { sentence: `\`${field}\` must be text, not ${nameOf(prompt)}.`, field }
  const instance = readInstance(value)
  if (instance && 'sentence' in instance) return instance
  const input = instance?.input ?? (field === 'input' ? undefined : value['input'])
  const answer = instance?.output ?? readAnswer(value)
  return join(prompt, typeof input === 'string' ? input : '', answer)
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
    const last: unknown = Array.isArray(answer) ? answer.at(-1) : undefined // a chat, as in TRL's formats
    if (isRecord(last) && typeof last['content'] === 'string') return last['content']
  }
  return undefined
}

/** The first user message of a chat, and the assistant message after it. */
function readChat(value: unknown, field: string, answer?: string): RecordRead {
  if (!Array.isArray(value))
    return { sentence: `\`${field}\` must be a list of messages, not ${nameOf(value)}.`, field }
  const turns = value.map((turn: unknown) =>
    isRecord(turn)
      ? { role: turn['role'] ?? turn['from'], content: turn['content'] ?? turn['value'] }
      : undefined,
  )
  const at = turns.findIndex((turn) => turn?.role === 'user' || turn?.role === 'human')
  const prompt = turns[at]?.content
  if (typeof prompt !== 'string')
    return { sentence: `\`${field}\` has no text message of the role “user”.`, field }
  const next = turns[at + 1]
  const completion =
    answer ??
    ((next?.role === 'assistant' || next?.role === 'gpt') && typeof next.content === 'string'
      ? next.content
      : undefined)
  return join(prompt, '', completion)
}

/** Some Self-Instruct data write `<noinput>` for an empty input. */
const join = (prompt: string, input: string, answer: string | undefined): RecordRead => {
  const more = input.trim()
  const text = more === '' || /^<?no ?input>?$/i.test(more) ? prompt : `${prompt.trimEnd()}\n\n${more}`
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
