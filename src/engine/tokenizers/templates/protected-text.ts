// Knows: which parts of a rendered chat are messages, so that no message becomes a control token.
// Must not know: tokens' ids, Jinja.
// A message is rendered with an invisible mark after each of its characters that a control token begins with. Templates handle marks like any
// other character, wherever they put, cut or join the message; then the marks are removed, and where they were, no control token may match.
import type { ChatMessageText } from './chat-message.ts'

export interface ProtectedText {
  readonly text: string
  /** Offsets after characters that no control token may cover, in UTF-16 units. */
  readonly marks: ReadonlySet<number>
}

const NO_MARKS: ReadonlySet<number> = new Set()

/** What the messages of a chat could be confused with. */
export interface ControlTexts {
  /** First characters of all control tokens (after blanks). */
  readonly beginnings: ReadonlySet<string>
  readonly tokens: readonly string[]
}

export function controlTextsOf(tokens: readonly string[]): ControlTexts {
  const known = tokens.filter((token) => token !== '')
  return { tokens: known, beginnings: new Set(known.map((token) => (token.trimStart() || token).charAt(0))) }
}

/**
 * The chat as rendered, and where messages could be mistaken for control tokens. Templates that react to a mark (they search a message for a
 * control token) are rendered with marks in whole control tokens only, if that is as safe; else as if the message did not have the token.
 */
export function renderProtected(
  messages: readonly ChatMessageText[],
  controls: ControlTexts,
  render: (messages: readonly ChatMessageText[]) => string,
): ProtectedText {
  const isHarmless = messages.every(({ content }) => !hasAny(content, controls.beginnings))
  if (isHarmless) return { text: render(messages), marks: NO_MARKS }
  const mark = chooseMark(messages)
  const withMarks = (place: (content: string) => string): ChatMessageText[] =>
    messages.map((message) => ({ ...message, content: place(message.content) }))
  const careful = removeMarks(
    render(withMarks((content) => markAll(content, controls, mark))),
    mark,
    controls.beginnings,
  )
  let plain: string | undefined
  try {
    plain = render(messages)
  } catch {
    // The template refuses these messages because of what they contain.
  }
  if (plain === undefined || careful.text === plain) return careful
  const loose = removeMarks(
    render(withMarks((content) => markTokens(content, controls, mark))),
    mark,
    controls.beginnings,
  )
  return loose.text === plain && countOwn(loose, controls) === countOwn(careful, controls) ? loose : careful
}

/** A text that is no part of the template, such as the beginning of an answer, put behind a rendered chat. */
export function appendText(
  { text, marks }: ProtectedText,
  added: string,
  controls: ControlTexts,
): ProtectedText {
  if (!hasAny(added, controls.beginnings)) return { text: text + added, marks }
  const all = new Set(marks)
  for (let i = 0; i < added.length; i++)
    if (controls.beginnings.has(added.charAt(i))) all.add(text.length + i + 1)
  return { text: text + added, marks: all }
}

const hasAny = (text: string, characters: ReadonlySet<string>): boolean => {
  for (let i = 0; i < text.length; i++) if (characters.has(text.charAt(i))) return true
  return false
}

/** A private-use character that no message has. */
function chooseMark(messages: readonly ChatMessageText[]): string {
  for (let code = 0xe123; code < 0xf8ff; code++) {
    const mark = String.fromCharCode(code)
    if (!messages.some(({ content }) => content.includes(mark))) return mark
  }
  throw new Error('The messages use every private character of Unicode. Remove some of them.')
}

const markAll = (content: string, { beginnings }: ControlTexts, mark: string): string => {
  let marked = ''
  for (let i = 0; i < content.length; i++) {
    const character = content.charAt(i)
    marked += beginnings.has(character) ? character + mark : character
  }
  return marked
}

function markTokens(content: string, { tokens }: ControlTexts, mark: string): string {
  const at = new Set<number>()
  for (const token of tokens)
    for (let i = content.indexOf(token); i >= 0; i = content.indexOf(token, i + 1))
      at.add(i + 1 + (token.length - token.trimStart().length))
  let marked = ''
  for (let i = 0; i < content.length; i++) marked += content.charAt(i) + (at.has(i + 1) ? mark : '')
  return marked
}

/** A template that cuts a message may leave a mark without its character: with `beginnings`, a mark counts only after one of them. */
export function removeMarks(marked: string, mark: string, beginnings?: ReadonlySet<string>): ProtectedText {
  const marks = new Set<number>()
  let text = ''
  let from = 0
  for (let at = marked.indexOf(mark); at >= 0; at = marked.indexOf(mark, from)) {
    text += marked.slice(from, at)
    if (beginnings?.has(text.charAt(text.length - 1)) ?? true) marks.add(text.length)
    from = at + mark.length
  }
  return { text: text + marked.slice(from), marks }
}

/** Whether a token at these offsets would cover a protected character. */
export function isCovered(marks: ReadonlySet<number>, from: number, to: number): boolean {
  for (let at = from + 1; at <= to; at++) if (marks.has(at)) return true
  return false
}

/** Occurrences of control tokens in the template's own text. */
function countOwn({ text, marks }: ProtectedText, { tokens }: ControlTexts): number {
  let count = 0
  for (const token of tokens)
    for (let i = text.indexOf(token); i >= 0; i = text.indexOf(token, i + 1))
      if (!isCovered(marks, i, i + token.length)) count++
  return count
}
