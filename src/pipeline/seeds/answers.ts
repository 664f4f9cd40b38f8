// Knows: how the value of an answer's field becomes text: typed values, SQuAD's nested lists, chats of TRL's formats.
import type { Note } from './notes.ts'
import { isBlank, isRecord, scalarText } from './values.ts'

/** The text, if there is one, and what is to be reported. Blank values have neither. */
export interface AnswerRead {
  readonly text?: string
  readonly notes: readonly Note[]
}

/** `plural`: the field holds several answers to choose from (`answers`), so that the first one is taken. */
export function readAnswer(value: unknown, name: string, plural: boolean): AnswerRead {
  if (isBlank(value)) return { notes: [] }
  const scalar = scalarText(value)
  if (scalar !== undefined) return { text: scalar, notes: [] }
  if (Array.isArray(value)) return readList(value, name, plural)
  const inner = isRecord(value) ? (value['text'] ?? value['value'] ?? value['spans']) : undefined
  if (isBlank(inner) || isRecord(inner)) return { notes: [{ kind: 'not-an-answer', name }] }
  return readAnswer(inner, name, true)
}

function readList(list: readonly unknown[], name: string, plural: boolean): AnswerRead {
  const filled = list.filter((item) => !isBlank(item))
  if (filled.length === 0) return { notes: [] }
  const last = filled.at(-1)
  if (isRecord(last) && (last['role'] ?? last['from']) !== undefined) {
    const content = last['content'] ?? last['value']
    return typeof content === 'string' ? { text: content, notes: [] } : notAnAnswer(name)
  }
  if (!plural && filled.length > 1) return notAnAnswer(name)
  const first = readOne(filled[0])
  if (first === undefined) return notAnAnswer(name)
  return { text: first, notes: filled.length > 1 ? [{ kind: 'more-answers', name }] : [] }
}

/** One of several answers: a scalar, or `{text: …}`. */
const readOne = (value: unknown): string | undefined =>
  scalarText(value) ?? (isRecord(value) ? scalarText(value['text'] ?? value['answer']) : undefined)

const notAnAnswer = (name: string): AnswerRead => ({ notes: [{ kind: 'not-an-answer', name }] })
