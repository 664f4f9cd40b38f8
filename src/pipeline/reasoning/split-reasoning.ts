// Knows: how models mark the reasoning before a response, and where the response begins.
// Must not know: who generated the text, what becomes of either part.

export interface SplitText {
  /** The response alone: `whole.slice(begin, begin + text.length)`; empty if the reasoning never ended. */
  readonly text: string
  /** Where the response begins in the whole text, in UTF-16 units; its length if there is no response. */
  readonly begin: number
  /** Without its marks, trimmed; absent if there is none but blanks. */
  readonly reasoning?: string
  /** True if the text ends inside the reasoning. */
  readonly unfinished?: true
}

export interface SplitOptions {
  /** The prompt already ended with the opening mark, as many chat templates do: the text begins inside the reasoning. */
  readonly opened?: boolean
  /** The text may still grow: what may be the beginning of an opening mark is not a response yet. */
  readonly partial?: boolean
}

/** A pair of marks around reasoning. Without regard to case. */
interface Marks {
  readonly open: string
  readonly close: string
}

/**
 * Sources: the chat templates of DeepSeek, Qwen, GLM, SmolLM3 and most others (`think`), EXAONE (`thought`), Seed-OSS, Magistral (`[THINK]`),
 * Kimi (`◁think▷`), OpenThinker, Command A and Gemma 4; names that models take from prompts (`thinking`, `reason`, `reasoning`).
 */
const MARKS: readonly Marks[] = [
  ...['think', 'thinking', 'thought', 'reason', 'reasoning', 'seed:think'].map((name) => ({
    open: `<${name}>`,
    close: `</${name}>`,
  })),
  { open: '[think]', close: '[/think]' },
  { open: '◁think▷', close: '◁/think▷' },
  { open: '<|begin_of_thought|>', close: '<|end_of_thought|>' },
  { open: '<|start_thinking|>', close: '<|end_thinking|>' },
  { open: '<|channel>thought', close: '<channel|>' },
]

/** Marks around the response that some of these models write after their reasoning, and only counted there. */
const RESPONSE_MARKS: readonly Marks[] = [
  { open: '<response>', close: '</response>' },
  { open: '<answer>', close: '</answer>' },
  { open: '<|begin_of_solution|>', close: '<|end_of_solution|>' },
  { open: '<|start_response|>', close: '<|end_response|>' },
]

const escape = (text: string): string => text.replaceAll(/[[\]|/]/g, String.raw`\$&`)
const oneOf = (texts: readonly string[]): string => texts.map(escape).join('|')
const OPEN = new RegExp(String.raw`\s*(${oneOf(MARKS.map(({ open }) => open))})`, 'iuy')
const ANY_OPEN = new RegExp(oneOf(MARKS.map(({ open }) => open)), 'iu')
/** An element with attributes, as in XML that a response consists of: the closing tag behind it is the response's own. */
const ANY_ELEMENT = /<(?:thinking|thought|reason|reasoning)\s[^<>]{0,200}>/iu
const CLOSE = new RegExp(oneOf(MARKS.map(({ close }) => close)), 'giu')
const STRAY_CLOSE = new RegExp(String.raw`\s*(?:${oneOf(MARKS.map(({ close }) => close))})`, 'iuy')
const ANY_END = new RegExp(
  String.raw`${oneOf(MARKS.map(({ close }) => close))}|<\|message\|>|assistantfinal`,
  'iu',
)
/** Characters of the longest mark. */
export const MAX_MARK = 24
const BLANKS = /\s*/uy

/** gpt-oss writes messages in channels (OpenAI's Harmony format). */
const CHANNEL = /<\|channel\|>(\w{1,20})[^\n]{0,200}?<\|message\|>/g
const CHANNELS_BEGIN = /^\s*(?:<\|start\|>assistant)?<\|channel\|>/
const CHANNEL_END = /<\|(?:end|return|call|start|channel)\|>/g
/** The same where a program dropped the control tokens and kept the names between them. */
const BARE_ANALYSIS = /^analysis(?=\p{Lu})/u
const BARE_FINAL = 'assistantfinal'

/**
 * Separates reasoning from the response. Reasoning is only what the text begins with (after blanks), or what comes before a closing mark
 * that no opening mark precedes, because the template opened it; a mark that a response mentions later stays in it. A closing mark in
 * backticks is a mention. Several blocks of reasoning in a row are joined. Without reasoning the text is returned as it is. Linear; never throws.
 */
export function splitReasoning(
  whole: string,
  { opened = false, partial = false }: SplitOptions = {},
): SplitText {
  if (CHANNELS_BEGIN.test(whole)) return splitChannels(whole)
  if (!opened && BARE_ANALYSIS.test(whole)) {
    const end = whole.indexOf(BARE_FINAL)
    const reasoning = whole.slice('analysis'.length, end === -1 ? undefined : end)
    return end === -1 ? unfinished(whole, reasoning) : finished(whole, end + BARE_FINAL.length, [reasoning])
  }
  const first = opens(whole, 0)
  if (first === undefined) {
    if (partial && !opened && mayOpen(whole)) return { text: '', begin: whole.length }
    const close = findClose(whole, 0, undefined)
    if (opened) return close === undefined ? unfinished(whole, whole) : splitAfter(whole, close, 0)
    const before = whole.slice(0, close?.begin)
    const isLone =
      close !== undefined && !close.isMention && !ANY_OPEN.test(before) && !ANY_ELEMENT.test(before)
    return isLone ? splitAfter(whole, close, 0) : { text: whole, begin: 0 }
  }
  const close = findClose(whole, first.end, first.close)
  return close === undefined ? unfinished(whole, whole.slice(first.end)) : splitAfter(whole, close, first.end)
}

/** Whether reasoning may end in this text: a cheap test for a piece of a growing text, with `MAX_MARK` characters before it. */
export const mayEndReasoning = (text: string): boolean => ANY_END.test(text)

interface Close {
  readonly begin: number
  readonly end: number
  readonly isMention: boolean
}

/** The mark that opens at this place, after blanks: where it ends, and what closes it. */
function opens(whole: string, at: number): { readonly end: number; readonly close: string } | undefined {
  OPEN.lastIndex = at
  const open = OPEN.exec(whole)?.[1]
  const marks = MARKS.find((one) => one.open === open?.toLowerCase())
  return marks === undefined ? undefined : { end: OPEN.lastIndex, close: marks.close }
}

/** Whether a text may be the beginning of an opening mark. */
function mayOpen(whole: string): boolean {
  const text = whole.trimStart().toLowerCase()
  const begins = [...MARKS.map(({ open }) => open), '<|channel|>', '<|start|>assistant', 'analysis']
  return begins.some((open) => open.startsWith(text))
}

/** The first closing mark, of one kind or of any: one in backticks only if there is no other. */
function findClose(whole: string, from: number, kind: string | undefined): Close | undefined {
  let mention: Close | undefined
  CLOSE.lastIndex = from
  for (let found = CLOSE.exec(whole); found !== null; found = CLOSE.exec(whole)) {
    if (kind !== undefined && found[0].toLowerCase() !== kind) continue
    const [begin, end] = [found.index, CLOSE.lastIndex]
    const isMention = whole[begin - 1] === '`' && whole[end] === '`'
    if (!isMention) return { begin, end, isMention }
    mention ??= { begin, end, isMention }
  }
  return mention
}

/** What follows a closing mark: further reasoning, closing marks written twice, marks around the response. */
function splitAfter(whole: string, close: Close, from: number): SplitText {
  const reasoning = [whole.slice(from, close.begin)]
  let at = close.end
  for (;;) {
    STRAY_CLOSE.lastIndex = at
    if (STRAY_CLOSE.test(whole)) {
      at = STRAY_CLOSE.lastIndex
      continue
    }
    const next = opens(whole, at)
    if (next === undefined) return finished(whole, at, reasoning)
    const end = findClose(whole, next.end, next.close)
    reasoning.push(whole.slice(next.end, end?.begin))
    if (end === undefined) return unfinished(whole, join(reasoning))
    at = end.end
  }
}

function splitChannels(whole: string): SplitText {
  const reasoning: string[] = []
  for (const { 0: head, 1: channel, index } of whole.matchAll(CHANNEL)) {
    const begin = index + head.length
    if (channel === 'final') return finished(whole, begin, reasoning)
    reasoning.push(whole.slice(begin, endOfMessage(whole, begin)))
  }
  return unfinished(whole, join(reasoning))
}

function endOfMessage(whole: string, begin: number): number {
  CHANNEL_END.lastIndex = begin
  return CHANNEL_END.exec(whole)?.index ?? whole.length
}

const join = (reasoning: readonly string[]): string =>
  reasoning
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n\n')

const unfinished = (whole: string, reasoning: string): SplitText => ({
  text: '',
  begin: whole.length,
  ...(reasoning.trim() === '' ? {} : { reasoning: reasoning.trim() }),
  unfinished: true,
})

function finished(whole: string, from: number, parts: readonly string[]): SplitText {
  BLANKS.lastIndex = from
  BLANKS.test(whole)
  let begin = BLANKS.lastIndex
  let end = CHANNELS_BEGIN.test(whole) ? endOfMessage(whole, begin) : whole.length
  const marks = RESPONSE_MARKS.find(
    ({ open }) => whole.slice(begin, begin + open.length).toLowerCase() === open,
  )
  if (marks !== undefined) {
    BLANKS.lastIndex = begin + marks.open.length
    BLANKS.test(whole)
    begin = BLANKS.lastIndex
    const response = whole.slice(begin, end).trimEnd()
    if (response.toLowerCase().endsWith(marks.close))
      end = begin + response.slice(0, -marks.close.length).trimEnd().length
  }
  const reasoning = join(parts)
  return { text: whole.slice(begin, end), begin, ...(reasoning === '' ? {} : { reasoning }) }
}
