// Knows: the names that fields have in data sets of others, and which words in a name hint at a role.
import type { ColumnRole } from '../../domain/column-mapping.ts'

/** Fields of the prompt and of the answer, the most common first. Records are recognised by them. */
export const TEXT_FIELDS = [
  'prompt',
  'instruction',
  'question',
  'query',
  'problem',
  'task',
  'seed',
  'text',
  'sentence',
  'content',
  'input',
  'inputs',
  'user',
  'human',
] as const
export const ANSWER_FIELDS = [
  'completion',
  'output',
  'response',
  'answer',
  'answers',
  'reply',
  'chosen',
  'targets',
  'target',
  'outputs',
  'assistant',
  'gpt',
  'solution',
  'label',
] as const
/** Texts that a prompt refers to: they are put into it. */
export const CONTEXT_FIELDS = [
  'input',
  'context',
  'passage',
  'document',
  'article',
  'paragraph',
  'background',
  'evidence',
  'choices',
  'options',
] as const
/** Lists of messages. */
export const CHAT_FIELDS = [
  'messages',
  'conversations',
  'conversation',
  'dialogue',
  'dialog',
  'turns',
] as const
export const SYSTEM_FIELDS = ['system', 'system_prompt'] as const
/** Messages before a prompt: lists of messages or of [question, answer]. `earlier` is the column of this page's own tables. */
export const HISTORY_FIELDS = ['history', 'earlier'] as const

export const isTextField = (name: string): boolean => TEXT_FIELDS.some((field) => field === name)
export const isKnownField = (name: string): boolean =>
  [TEXT_FIELDS, ANSWER_FIELDS, CONTEXT_FIELDS].some((fields) => fields.some((field) => field === name))

/** Words of a name, in lower case: `questionText`, `question_text` and `Question text` have two. */
const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const OTHER = words(
  'id ids idx index uuid guid nr no number row date time timestamp created updated url link source split',
)
const ANSWER = words(
  'answer answers answered response responses reply replies output outputs completion completions solution target targets label labels class category sentiment result gold assistant bot gpt antwort lösung respuesta réponse risposta resposta',
)
const CONTEXT = words(
  'context passage document article paragraph background evidence choices options story kontext contexto contexte',
)
const PROMPT = words(
  'prompt prompts instruction instructions question questions query task problem request user human customer input inputs frage aufgabe pregunta domanda pergunta',
)
const TEXT = words('text message sentence utterance content comment review body title subject phrase')

/** The role that a column's name hints at; `text` for names of any text. */
export function hintOf(name: string): ColumnRole | 'text' | undefined {
  const own = wordsOf(name)
  const has = (hints: ReadonlySet<string>): boolean => own.some((word) => hints.has(word))
  if (has(OTHER)) return 'ignore'
  if (has(ANSWER)) return 'answer'
  if (has(CONTEXT)) return 'context'
  if (has(PROMPT)) return 'prompt'
  return has(TEXT) ? 'text' : undefined
}
