// Knows: how a record or a row of cells becomes a seed by the roles that were chosen for its columns.
import { COLUMN_NAME_LIMIT, MAX_COLUMNS, type MappedColumn } from '../../domain/column-mapping.ts'
import { readAnswer } from './answers.ts'
import { isChat, keepEarlier, readChat, readHistory } from './chat.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { Note } from './notes.ts'
import { FieldKeeper, joinParts } from './record.ts'
import type { RecordRead } from './row-reader.ts'
import { anyText, isBlank } from './values.ts'

/** `values` by the names of the columns. Columns without a role are ignored and noted. */
export function readMapped(
  values: ReadonlyMap<string, unknown>,
  columns: readonly MappedColumn[],
): RecordRead {
  const notes: Note[] = []
  const kept = new FieldKeeper(notes)
  const context: string[] = []
  let prompt: string | undefined
  let answer: string | undefined
  const before = readBefore(values, columns, notes)
  let earlier: readonly ChatMessage[] | undefined
  for (const { name, role } of columns) {
    const value = values.get(name)
    if (isBlank(value)) continue
    if (role === 'prompt') {
      notes.push({ kind: isChat(value) ? 'chat' : 'prompt', name })
      if (!isChat(value)) {
        prompt = anyText(value)
        continue
      }
      const chat = readChat(value, name, before)
      if ('sentence' in chat) return chat
      if (answer !== undefined && chat.answer !== undefined) notes.push({ kind: 'unused-turn' })
      prompt = chat.prompt
      earlier = chat.earlier
      answer ??= chat.answer
      notes.push(...chat.notes)
    } else if (role === 'answer') {
      const read = readAnswer(value, name, true)
      if (answer !== undefined) notes.push({ kind: 'unused-turn' })
      answer = read.text ?? anyText(value)
      notes.push({ kind: 'answer', name }, ...read.notes.filter(({ kind }) => kind === 'more-answers'))
    } else if (role === 'context') {
      context.push(anyText(value) ?? '')
      notes.push({ kind: 'context', name })
    } else if (role === 'system' || role === 'earlier') continue
    else if (role === 'field') kept.add(name, anyText(value) ?? '')
    else notes.push({ kind: 'ignored', name })
  }
  if (prompt === undefined) {
    const name = columns.find(({ role }) => role === 'prompt')?.name ?? ''
    return { sentence: `The column \`${name}\` is empty in this row.`, field: name }
  }
  if (earlier === undefined) {
    const all = keepEarlier(before)
    earlier = all.earlier
    notes.push(...all.notes)
  }
  const known = new Set(columns.map(({ name }) => name))
  for (const [name, value] of [...values].slice(0, MAX_COLUMNS * 2))
    if (!known.has(name) && !isBlank(value))
      notes.push({ kind: 'ignored', name: name.slice(0, COLUMN_NAME_LIMIT) })
  return {
    text: joinParts(prompt, context),
    ...(earlier.length > 0 ? { earlier } : {}),
    ...(answer === undefined ? {} : { answer }),
    ...kept.result(),
    notes,
  }
}

/** The messages of the columns that come before the prompt: the system message, then the others. */
function readBefore(
  values: ReadonlyMap<string, unknown>,
  columns: readonly MappedColumn[],
  notes: Note[],
): ChatMessage[] {
  const valueOf = (wanted: MappedColumn['role']): { name: string; value: unknown } | undefined => {
    const name = columns.find(({ role }) => role === wanted)?.name
    const value = name === undefined ? undefined : values.get(name)
    return name === undefined || isBlank(value) ? undefined : { name, value }
  }
  const content = anyText(valueOf('system')?.value)
  const column = valueOf('earlier')
  const history = column && readHistory(column.value)
  if (column && !history) notes.push({ kind: 'not-messages', name: column.name })
  notes.push(...(history?.notes ?? []))
  const own = history?.messages ?? []
  const isDoubled = content !== undefined && own[0]?.role === 'system'
  if (isDoubled) notes.push({ kind: 'second-system' })
  return [...(content === undefined || isDoubled ? [] : [{ role: 'system' as const, content }]), ...own]
}
