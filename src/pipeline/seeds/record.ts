// Knows: how a record of another tool's format becomes a seed, and what of it is used.
import { COLUMN_NAME_LIMIT, MAX_COLUMNS } from '../../domain/column-mapping.ts'
import { MAX_SEED_FIELDS, SEED_FIELD_LIMIT } from '../../domain/seed.ts'
import { readAnswer, type AnswerRead } from './answers.ts'
import { isChat, keepEarlier, readChat, readHistory } from './chat.ts'
import {
  ANSWER_FIELDS,
  CHAT_FIELDS,
  CONTEXT_FIELDS,
  HISTORY_FIELDS,
  SYSTEM_FIELDS,
  TEXT_FIELDS,
} from './known-fields.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { Note } from './notes.ts'
import type { RecordRead } from './row-reader.ts'
import { anyText, isBlank, isRecord, nameOf } from './values.ts'

/** A record's fields by their names in lower case. */
type Fields = ReadonlyMap<string, { readonly name: string; readonly value: unknown }>

const fieldsOf = (record: Readonly<Record<string, unknown>>): Fields => {
  const fields = new Map<string, { name: string; value: unknown }>()
  for (const [name, value] of Object.entries(record)) {
    const key = name.trim().toLowerCase()
    if (!fields.has(key) || isBlank(fields.get(key)?.value)) fields.set(key, { name, value })
  }
  return fields
}

/** The prompt's field: the first with a value, else the first that is there. `user` needs an answer: alone it is a person's name. */
export function findPrompt(
  has: (name: string) => boolean,
  isFilled: (name: string) => boolean,
): string | undefined {
  const paired = ['assistant', 'gpt', 'response', 'answer'].some(has)
  const names = TEXT_FIELDS.filter((name) => has(name) && (paired || (name !== 'user' && name !== 'human')))
  return names.find(isFilled) ?? names[0]
}

/** True if these names, in any letter case, are of a format that is read without a choice of columns. */
export function isKnownForm(names: readonly string[]): boolean {
  const known = new Set(names.map((name) => name.trim().toLowerCase()))
  const has = (name: string): boolean => known.has(name)
  return findPrompt(has, () => true) !== undefined
}

/** True for a text, a chat, and a record whose fields are known. */
export function isKnownRecord(value: unknown): boolean {
  if (typeof value === 'string') return true
  if (!isRecord(value)) return isChat(value)
  const fields = fieldsOf(value)
  if (CHAT_FIELDS.some((name) => isChat(fields.get(name)?.value))) return true
  if (fields.has('messages') || fields.has('conversations')) return true
  return (
    findPrompt(
      (name) => (fields.get(name)?.value ?? null) !== null,
      () => true,
    ) !== undefined
  )
}

/**
 * Reads one record: a text; {instruction, input, output} (Alpaca) and other prompts with their answer; the first instance of
 * Self-Instruct's {instruction, instances: [{input, output}]}; {question, context, answers: {text: […]}} (SQuAD); the last user
 * message of {messages}, {conversations} (ShareGPT) or a bare list of messages, with what is before it; {text, label}. A prompt may have
 * {system} and {history} (LLaMA-Factory) before it. Context is put behind the prompt, after a
 * blank line. Fields that are not used are in the notes.
 */
export function readRecord(value: unknown): RecordRead {
  if (typeof value === 'string') return { text: value }
  if (isChat(value)) return readTurn(value, 'messages', new Map())
  if (!isRecord(value))
    return { sentence: `A seed is a text or a record such as {"prompt": "…"}; this is ${nameOf(value)}.` }
  const fields = fieldsOf(value)
  const chat = CHAT_FIELDS.find((name) => isChat(fields.get(name)?.value))
  if (chat !== undefined) return readTurn(fields.get(chat)?.value, chat, fields)
  const isFilled = (name: string): boolean => !isBlank(fields.get(name)?.value)
  const prompt = findPrompt((name) => (fields.get(name)?.value ?? null) !== null, isFilled)
  if (prompt === undefined) {
    const broken = CHAT_FIELDS.find((name) => fields.has(name))
    return broken === undefined ? missing(value) : readTurn(fields.get(broken)?.value, broken, fields)
  }
  const own = fields.get(prompt)
  if (Array.isArray(own?.value)) return readTurn(own.value, prompt, fields)
  if (typeof own?.value !== 'string')
    return { sentence: `\`${prompt}\` must be text, not ${nameOf(own?.value)}.`, field: prompt }
  return readPrompt(own.value, prompt, fields)
}

function missing(value: Readonly<Record<string, unknown>>): RecordRead {
  const names = Object.keys(value)
    .slice(0, 8)
    .map((name) => `\`${name.slice(0, 40)}\``)
  return {
    sentence: `The record has no \`prompt\`, \`instruction\`, \`text\` or \`messages\`; it has ${names.join(', ') || 'no fields'}.`,
    field: 'prompt',
  }
}

/** A chat; an answer in another field (as in TRL's formats) takes precedence over the chat's own, which is then reported. */
function readTurn(value: unknown, field: string, fields: Fields): RecordRead {
  const used = new Set([field])
  const before = findEarlier(fields, used)
  const chat = readChat(value, fields.get(field)?.name ?? field, before.messages)
  if ('sentence' in chat) return chat
  const answer = findAnswer(fields, used)
  const isReplaced = chat.answer !== undefined && answer.text !== undefined && answer.text !== chat.answer
  return finish({
    text: chat.prompt,
    earlier: chat.earlier,
    answer: answer.text ?? chat.answer,
    fields,
    used,
    notes: [
      { kind: 'chat', name: fields.get(field)?.name ?? field },
      ...before.notes,
      ...chat.notes,
      ...(isReplaced ? [{ kind: 'unused-turn' } as const] : []),
      ...answer.notes,
    ],
  })
}

function readPrompt(prompt: string, field: string, fields: Fields): RecordRead {
  const used = new Set([field])
  const notes: Note[] = [{ kind: 'prompt', name: nameIn(fields, field) }]
  const instances = fields.get('instances')?.value
  const list: readonly unknown[] = Array.isArray(instances) ? instances : []
  const [instance] = list
  if (instance !== undefined && !isRecord(instance))
    return {
      sentence: `\`instances\` must be a list of records with \`input\` and \`output\`, not of ${nameOf(instance)}.`,
      field: 'instances',
    }
  const parts: string[] = []
  if (instance) {
    used.add('instances')
    const input = anyText(instance['input'])
    if (isInput(input)) parts.push(input)
    if (list.length > 1) notes.push({ kind: 'more-instances', amount: list.length - 1 })
  }
  for (const name of CONTEXT_FIELDS) {
    const text = anyText(fields.get(name)?.value)
    if (name === field || text === undefined) continue
    used.add(name)
    if (!isInput(text)) continue
    notes.push({ kind: 'context', name: nameIn(fields, name) })
    if (!prompt.includes(text.trim())) parts.push(text)
  }
  const before = findEarlier(fields, used)
  const { earlier, notes: counts } = keepEarlier(before.messages)
  const fromInstance = instance && readAnswer(instance['output'], 'output', false)
  const answer = fromInstance?.text === undefined ? findAnswer(fields, used) : fromInstance
  return finish({
    text: joinParts(prompt, parts),
    earlier,
    answer: answer.text,
    fields,
    used,
    notes: [...notes, ...before.notes, ...counts, ...answer.notes],
  })
}

/** A prompt and its context, with blank lines between them. */
export const joinParts = (prompt: string, parts: readonly string[]): string =>
  parts.length === 0 ? prompt : [prompt.trimEnd(), ...parts.map((part) => part.trim())].join('\n\n')

/** Some Self-Instruct data write `<noinput>` for an empty input. */
const isInput = (text: string | undefined): text is string =>
  text !== undefined && text.trim() !== '' && !/^<?no ?input>?$/i.test(text.trim())

const PLURAL = new Set(['answers', 'outputs', 'targets'])

/** The system message and the history that a record has in fields of their own; these count as used. */
function findEarlier(fields: Fields, used: Set<string>): { messages: ChatMessage[]; notes: readonly Note[] } {
  const find = (names: readonly string[]): string | undefined =>
    names.find((name) => !used.has(name) && !isBlank(fields.get(name)?.value))
  const system = find(SYSTEM_FIELDS)
  const content = anyText(fields.get(system ?? '')?.value)
  if (system !== undefined) used.add(system)
  const name = HISTORY_FIELDS.find(
    (one) => !used.has(one) && readHistory(fields.get(one)?.value) !== undefined,
  )
  const history = readHistory(fields.get(name ?? '')?.value) ?? { messages: [], notes: [] }
  if (name !== undefined) used.add(name)
  const isDoubled = content !== undefined && history.messages[0]?.role === 'system'
  return {
    messages: [
      ...(content === undefined || isDoubled ? [] : [{ role: 'system' as const, content }]),
      ...history.messages,
    ],
    notes: [...history.notes, ...(isDoubled ? [{ kind: 'second-system' } as const] : [])],
  }
}

/** The first field with an answer; it, and those that hold none, count as used. */
function findAnswer(fields: Fields, used: Set<string>): AnswerRead {
  const notes: Note[] = []
  for (const key of ANSWER_FIELDS) {
    const field = fields.get(key)
    if (field === undefined || used.has(key)) continue
    const read = readAnswer(field.value, field.name, PLURAL.has(key))
    if (read.text === undefined && read.notes.length === 0) continue
    used.add(key)
    notes.push(...read.notes)
    if (read.text !== undefined)
      return { text: read.text, notes: [{ kind: 'answer', name: field.name }, ...notes] }
  }
  return { notes }
}

/** Keeps other answers (MATH has a solution and an answer) as fields, and notes everything else that has a value. */
function finish(read: {
  readonly text: string
  readonly earlier: readonly ChatMessage[] | undefined
  readonly answer: string | undefined
  readonly fields: Fields
  readonly used: ReadonlySet<string>
  readonly notes: readonly Note[]
}): RecordRead {
  const notes = [...read.notes]
  const kept = new FieldKeeper(notes)
  let seen = 0
  for (const [key, { name, value }] of read.fields) {
    if (read.used.has(key) || isBlank(value)) continue
    if (++seen > MAX_COLUMNS) break
    if (ANSWER_FIELDS.some((field) => field === key) && typeof value === 'string') kept.add(name, value)
    else notes.push({ kind: 'ignored', name: name.slice(0, COLUMN_NAME_LIMIT) })
  }
  return {
    text: read.text,
    ...(read.earlier && read.earlier.length > 0 ? { earlier: read.earlier } : {}),
    ...(read.answer === undefined ? {} : { answer: read.answer }),
    ...kept.result(),
    notes,
  }
}

/** Gathers the fields of one seed within their limits, and notes what exceeds them. */
export class FieldKeeper {
  readonly #fields = new Map<string, string>()
  readonly #notes: Note[]

  constructor(notes: Note[]) {
    this.#notes = notes
  }

  add(fullName: string, text: string): void {
    const name = fullName.slice(0, COLUMN_NAME_LIMIT)
    if (this.#fields.size >= MAX_SEED_FIELDS) {
      this.#notes.push({ kind: 'more-fields', name })
      return
    }
    if (text.length > SEED_FIELD_LIMIT) this.#notes.push({ kind: 'cut-field', name })
    this.#fields.set(name, text.slice(0, SEED_FIELD_LIMIT))
    this.#notes.push({ kind: 'field', name })
  }

  result(): { fields?: Readonly<Record<string, string>> } {
    return this.#fields.size === 0 ? {} : { fields: Object.fromEntries(this.#fields) }
  }
}

const nameIn = (fields: Fields, key: string): string =>
  (fields.get(key)?.name ?? key).slice(0, COLUMN_NAME_LIMIT)
