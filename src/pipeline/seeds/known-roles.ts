// Knows: the roles that columns of known names have when a file is read without a choice: what a person may then change.
import type { MappedColumn } from '../../domain/column-mapping.ts'
import { findPrompt } from './record.ts'
import { ANSWER_FIELDS, CHAT_FIELDS, CONTEXT_FIELDS, HISTORY_FIELDS, SYSTEM_FIELDS } from './known-fields.ts'

/** Roles as `readRecord` gives them to the fields of a record in which all columns are filled. */
export function knownRoles(names: readonly string[]): MappedColumn[] {
  const keys = names.map((name) => name.trim().toLowerCase())
  const first = (fields: readonly string[], not?: string): string | undefined =>
    fields.find((field) => field !== not && keys.includes(field))
  const prompt =
    first(CHAT_FIELDS) ??
    findPrompt(
      (name) => keys.includes(name),
      () => true,
    )
  const answer = first(ANSWER_FIELDS, prompt)
  const system = first(SYSTEM_FIELDS)
  const history = first(HISTORY_FIELDS)
  const taken = new Set<string>()
  return names.map((name, i) => {
    const key = keys[i] ?? ''
    const isFirst = !taken.has(key)
    taken.add(key)
    if (isFirst && key === prompt) return { name, role: 'prompt' }
    if (isFirst && key === answer) return { name, role: 'answer' }
    if (isFirst && key === system) return { name, role: 'system' }
    if (isFirst && key === history) return { name, role: 'earlier' }
    if (isFirst && CONTEXT_FIELDS.some((field) => field === key)) return { name, role: 'context' }
    return { name, role: ANSWER_FIELDS.some((field) => field === key) ? 'field' : 'ignore' }
  })
}
