// Knows: what is reported of a whole source: one sentence for each thing that happened, with counts.
import { MAX_EARLIER_MESSAGES, MAX_SEED_FIELDS, SEED_FIELD_LIMIT } from '../../domain/seed.ts'
import type { Note, NoteKind } from './notes.ts'

/** Max names that one sentence lists; the others are counted. */
const MAX_NAMES = 12
/** Max different names that are counted. */
const MAX_COUNTED = 300

interface Count {
  rows: number
  amount: number
}

export class ImportReport {
  readonly #counts = new Map<NoteKind, Map<string, Count>>()
  #repeated = 0
  #firstRepeat: { readonly line: number; readonly earlier: number } | undefined

  /** Rows whose text an earlier row of the source has too. */
  get repeated(): number {
    return this.#repeated
  }

  addRow(notes: readonly Note[]): void {
    const seen = new Set<Count>()
    for (const { kind, name = '', amount = 1 } of notes) {
      const names = this.#counts.get(kind) ?? new Map<string, Count>()
      this.#counts.set(kind, names)
      const key = names.has(name) || names.size < MAX_COUNTED ? name : ''
      const count = names.get(key) ?? { rows: 0, amount: 0 }
      names.set(key, count)
      count.amount += amount
      if (!seen.has(count)) count.rows += 1
      seen.add(count)
    }
  }

  addRepeat(line: number, earlier: number): void {
    this.#repeated += 1
    this.#firstRepeat ??= { line, earlier }
  }

  /** The sentences, the most important first. Names are in backticks. */
  sentences(): string[] {
    return [
      ...this.#roles(),
      this.#list('chat', 'Read', 'as a conversation'),
      this.#kept(),
      this.#list('context', 'Put', 'into the prompt'),
      this.#list('field', 'Kept', 'with the seed'),
      this.#list('ignored', 'Ignored', ''),
      this.#list('not-an-answer', 'Did not read', 'as an answer (a list or a record, not one text)'),
      this.#list('not-messages', 'Did not read', 'as earlier messages (no list of messages)'),
      this.#list('more-answers', 'Read only the first of several', ''),
      this.#amount(
        'cut-turn',
        (n) =>
          `Left out the first ${n === 1 ? 'message' : many(n, 'message')} of conversations that have more than ${count(MAX_EARLIER_MESSAGES)}.`,
      ),
      this.#count('unused-turn', 'message after a last question is', 'messages after a last question are'),
      this.#count('empty-message', 'message without a text is', 'messages without a text are'),
      this.#others(),
      this.#count(
        'second-system',
        'system message in a field of its own is',
        'system messages in fields of their own are',
      ),
      this.#count('part', 'part of a message that is not text is', 'parts of messages that are not text are'),
      this.#count('more-instances', 'further instance of a task is', 'further instances of tasks are'),
      this.#list('cut-field', 'Shortened', `to ${count(SEED_FIELD_LIMIT)} characters`),
      this.#list('more-fields', 'Did not keep', `(a seed has at most ${MAX_SEED_FIELDS} fields)`),
      this.#amount('list-mark', (n) => `Took the list mark off ${many(n, 'line')}.`),
      this.#amount('skipped-line', (n) => `Skipped ${many(n, 'comment line')} before the header.`),
      this.#amount('broken-character', (n) => `Replaced half a character by “\uFFFD” in ${many(n, 'row')}.`),
      this.#amount(
        'lost-character',
        (n) =>
          `${many(n, 'row')} ${n === 1 ? 'has' : 'have'} a “\uFFFD”: a character was lost before the file was saved.`,
      ),
      this.#firstRepeat === undefined ? undefined : this.#sayRepeats(this.#firstRepeat),
    ].filter((sentence) => sentence !== undefined)
  }

  /** “2 rows repeat an earlier one and were merged with it; the first is line 8, which repeats line 5.” */
  #sayRepeats({ line, earlier }: { readonly line: number; readonly earlier: number }): string {
    return this.#repeated === 1
      ? `1 row repeats an earlier one and was merged with it: line ${count(line)} repeats line ${count(earlier)}.`
      : `${many(this.#repeated, 'row')} repeat an earlier one and were merged with it; the first is line ${count(line)}, which repeats line ${count(earlier)}.`
  }

  /** “Read `a` as the prompt and `b` as the answer in 2 rows.” */
  #roles(): string[] {
    const prompts = this.#namesOf('prompt')
    const answers = this.#namesOf('answer')
    const [prompt] = prompts
    const [answer] = answers
    if (prompts.length === 1 && answers.length === 1 && prompt?.rows === answer?.rows && prompt && answer)
      return [
        `Read ${quote(prompt.name)} as the prompt and ${quote(answer.name)} as the answer in ${many(prompt.rows, 'row')}.`,
      ]
    return [
      this.#list('prompt', 'Read', 'as the prompt'),
      this.#list('answer', 'Read', 'as the answer'),
    ].filter((sentence) => sentence !== undefined)
  }

  /** “Kept 2 earlier messages and 1 system message before the prompts.” */
  #kept(): string | undefined {
    const parts = [
      many(this.#total('earlier-turn'), 'earlier message'),
      many(this.#total('system-message'), 'system message'),
    ].filter((part) => !part.startsWith('0 '))
    return parts.length === 0 ? undefined : `Kept ${joinAnd(parts)} before the prompts.`
  }

  /** “3 messages of other senders (`tool`) are not used.” */
  #others(): string | undefined {
    const total = this.#total('other-sender')
    if (total === 0) return undefined
    const names = this.#namesOf('other-sender').map(({ name }) => quote(name))
    const shown = names.slice(0, MAX_NAMES)
    return `${many(total, 'message')} of other senders (${joinAnd(shown)}${names.length > MAX_NAMES ? ' …' : ''}) ${total === 1 ? 'is' : 'are'} not used.`
  }

  /** “Put `context` into the prompt in 2 rows.” or “Put into the prompt: `context` in 2 rows, `input` in 1 row.” */
  #list(kind: NoteKind, verb: string, what: string): string | undefined {
    const names = this.#namesOf(kind)
    if (names.length === 0) return undefined
    const groups = new Map<number, string[]>()
    for (const { name, rows } of names.slice(0, MAX_NAMES))
      groups.set(rows, [...(groups.get(rows) ?? []), quote(name)])
    const more = names.length > MAX_NAMES ? `, and ${count(names.length - MAX_NAMES)} more` : ''
    const parts = [...groups].map(([rows, group]) => ({
      group: joinAnd(group),
      rows: `in ${many(rows, 'row')}${group.length > 1 ? ' each' : ''}`,
    }))
    const [only] = parts
    if (only && parts.length === 1)
      return `${[verb, only.group, what, only.rows].filter((word) => word !== '').join(' ')}${more}.`
    const head = what === '' ? verb : `${verb} ${what}`
    return `${head}: ${parts.map(({ group, rows }) => `${group} ${rows}`).join(', ')}${more}.`
  }

  #count(kind: NoteKind, one: string, several: string): string | undefined {
    const total = this.#total(kind)
    return total === 0 ? undefined : `${count(total)} ${total === 1 ? one : several} not used.`
  }

  #amount(kind: NoteKind, write: (amount: number) => string): string | undefined {
    const total = this.#total(kind)
    return total === 0 ? undefined : write(total)
  }

  #total(kind: NoteKind): number {
    return [...(this.#counts.get(kind)?.values() ?? [])].reduce((sum, { amount }) => sum + amount, 0)
  }

  #namesOf(kind: NoteKind): { name: string; rows: number }[] {
    return [...(this.#counts.get(kind) ?? [])]
      .map(([name, { rows }]) => ({ name, rows }))
      .toSorted((a, b) => b.rows - a.rows)
  }
}

const quote = (name: string): string => (name === '' ? 'other columns' : `\`${name.replaceAll('`', "'")}\``)
const joinAnd = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`
const count = (n: number): string => n.toLocaleString('en')
const many = (n: number, one: string, several = `${one}s`): string => `${count(n)} ${n === 1 ? one : several}`
