// Knows: a row's relatives within its run: the prompts its prompt descends from and those made from it, the completions of each with their
// revisions, and the comparisons of the row with others.
import type { StepDecision } from '../../domain/filter-decision.ts'
import type { PromptId, RowId } from '../../domain/id.ts'
import type { Preference } from '../../domain/preference.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { effectiveScore, effectiveText, type Row, type RowStatus } from '../../domain/row.ts'
import type { Database } from '../../storage/database.ts'
import { listPreferences } from '../../storage/preferences.ts'
import { listPrompts } from '../../storage/prompts.ts'
import { eachRow, readRows } from '../../storage/rows.ts'

/** Max prompts and completions of a family, and max comparisons. */
export const MAX_RELATIVES = 200

export interface FamilyRow {
  readonly id: RowId
  readonly text: string
  readonly status: RowStatus
  readonly droppedBy?: string
  readonly score?: number
  /** What a model said of the text that this one revises. */
  readonly critique?: string
  /** Made from this completion. */
  readonly revisions: readonly FamilyRow[]
}

export interface FamilyPrompt {
  readonly id: PromptId
  readonly text: string
  readonly status: Prompt['status']
  /** Why it was dropped. */
  readonly reason?: string
  /** What was done to the prompt above to make this one. */
  readonly operator?: string
  readonly rows: readonly FamilyRow[]
  /** Made from this prompt. */
  readonly prompts: readonly FamilyPrompt[]
}

/** A comparison of the row with another one. */
export interface FamilyComparison {
  /** Absent if that row is no longer stored. */
  readonly other?: { readonly id: RowId; readonly text: string }
  readonly outcome: 'won' | 'lost' | 'tied'
  /** Why the judge could not be read; the outcome is then a tie that counts for neither. */
  readonly unreadable?: string
  readonly rubric: string
  readonly judge: string
}

export interface RowFamily {
  /** The oldest ancestor; absent if the row's prompt is no longer stored. */
  readonly root?: FamilyPrompt
  /** Prompts and completions other than the row and its prompt. */
  readonly relatives: number
  readonly comparisons: readonly FamilyComparison[]
  /** Relatives and comparisons beyond the limits. */
  readonly left: number
}

/** Reads the family of a row; the run's records are read once, in pages. Rejects with the signal's reason when aborted. */
export async function readFamily(db: Database, row: Row, signal: AbortSignal): Promise<RowFamily> {
  const line = findLine(await listPrompts(db, row.projectId, row.runId), row.promptId)
  signal.throwIfAborted()
  const own: Row[] = []
  const others: Row[] = []
  let left = line.left
  for await (const page of eachRow(db, row.projectId, row.runId)) {
    signal.throwIfAborted()
    for (const found of page) {
      if (found.promptId !== row.promptId && !line.prompts.has(found.promptId)) continue
      const list = found.promptId === row.promptId ? own : others
      if (list.length < MAX_RELATIVES || found.id === row.id) list.push(found)
      else left += 1
    }
  }
  // The row itself always, then the completions of its own prompt: revisions are among them.
  const nearest = [row, ...own.filter(({ id }) => id !== row.id), ...others]
  const room = Math.max(0, MAX_RELATIVES - Math.max(0, line.prompts.size - 1)) + 1
  const rows = nearest.slice(0, room).toSorted((a, b) => a.order - b.order)
  left += nearest.length - rows.length
  const compared = await readComparisons(db, row, signal)
  const root = line.root === undefined ? undefined : plant(line.root, line.childrenOf, groupRows(rows))
  return {
    ...(root ? { root } : {}),
    relatives: Math.max(0, line.prompts.size - 1) + rows.length - 1,
    comparisons: compared.comparisons,
    left: left + compared.left,
  }
}

interface Line {
  readonly root?: Prompt
  /** The prompt, its ancestors and its descendants, `MAX_RELATIVES` at most in addition to the prompt. */
  readonly prompts: ReadonlyMap<PromptId, Prompt>
  readonly childrenOf: ReadonlyMap<PromptId, readonly Prompt[]>
  readonly left: number
}

/** The prompts a prompt descends from, and those that descend from it; an opened project may contain circles. */
function findLine(all: readonly Prompt[], id: PromptId): Line {
  const byId = new Map(all.map((prompt) => [prompt.id, prompt]))
  const madeFrom = groupBy(all, ({ parent }) => parent)
  const own = byId.get(id)
  const prompts = new Map<PromptId, Prompt>()
  let [root, left] = [own, 0]
  for (let next = own; next !== undefined && !prompts.has(next.id);) {
    if (prompts.size > MAX_RELATIVES) {
      left += 1
      break
    }
    prompts.set(next.id, next)
    root = next
    next = next.parent === undefined ? undefined : byId.get(next.parent)
  }
  const queue = own === undefined ? [] : [own]
  const seen = new Set(prompts.keys())
  for (let prompt = queue.shift(); prompt !== undefined; prompt = queue.shift()) {
    for (const child of madeFrom.get(prompt.id) ?? []) {
      if (seen.has(child.id)) continue
      seen.add(child.id)
      queue.push(child)
      if (prompts.size > MAX_RELATIVES) left += 1
      else prompts.set(child.id, child)
    }
  }
  const children = groupBy(
    [...prompts.values()].filter((prompt) => prompt !== root),
    ({ parent }) => parent,
  )
  const childrenOf = new Map([...prompts.keys()].map((key) => [key, children.get(key) ?? []]))
  return { ...(root ? { root } : {}), prompts, childrenOf, left }
}

/** Original completions by their prompt, each with its revisions. A row whose original is not there is shown as one. */
function groupRows(rows: readonly Row[]): ReadonlyMap<PromptId, readonly FamilyRow[]> {
  const known = new Set(rows.map(({ id }) => id))
  const revisionsOf = groupBy(rows, ({ parent }) => parent)
  const shown = new Set<RowId>()
  const describe = (row: Row): FamilyRow => {
    shown.add(row.id)
    const revisions = (revisionsOf.get(row.id) ?? []).filter(({ id }) => !shown.has(id)).map(describe)
    const score = effectiveScore(row)
    const critique = row.fields?.['critique']
    return {
      id: row.id,
      text: effectiveText(row).completion,
      status: row.status,
      ...(row.droppedBy === undefined ? {} : { droppedBy: row.droppedBy }),
      ...(score === undefined ? {} : { score }),
      ...(critique === undefined ? {} : { critique: String(critique) }),
      revisions,
    }
  }
  const grouped = new Map<PromptId, FamilyRow[]>()
  const add = (row: Row): void => {
    if (!shown.has(row.id)) grouped.set(row.promptId, [...(grouped.get(row.promptId) ?? []), describe(row)])
  }
  rows.filter(({ parent }) => parent === undefined || !known.has(parent)).forEach(add)
  rows.forEach(add) // those in a circle
  return grouped
}

/** A prompt with everything below it. */
function plant(
  prompt: Prompt,
  childrenOf: Line['childrenOf'],
  rowsOf: ReadonlyMap<PromptId, readonly FamilyRow[]>,
): FamilyPrompt {
  const reason = prompt.status === 'dropped' ? findReason(prompt.decisions) : undefined
  const operator = prompt.origin.kind === 'grown' ? prompt.origin.operator : undefined
  return {
    id: prompt.id,
    text: prompt.text,
    status: prompt.status,
    ...(reason === undefined ? {} : { reason }),
    ...(operator === undefined ? {} : { operator }),
    rows: rowsOf.get(prompt.id) ?? [],
    prompts: (childrenOf.get(prompt.id) ?? []).map((child) => plant(child, childrenOf, rowsOf)),
  }
}

const findReason = (decisions: readonly StepDecision[]): string | undefined =>
  decisions.flatMap(({ decision }) => (decision.kind === 'dropped' ? [decision.reason] : [])).at(-1)

/** The row's comparisons, in the order of the steps. */
async function readComparisons(
  db: Database,
  row: Row,
  signal: AbortSignal,
): Promise<{ readonly comparisons: readonly FamilyComparison[]; readonly left: number }> {
  const all = (await listPreferences(db, row.projectId, row.runId)).filter(
    ({ first, second }) => first === row.id || second === row.id,
  )
  signal.throwIfAborted()
  const listed = all.slice(0, MAX_RELATIVES)
  const otherOf = ({ first, second }: Preference): RowId => (first === row.id ? second : first)
  const others = new Map(
    (await readRows(db, row.projectId, [...new Set(listed.map(otherOf))])).map((other) => [other.id, other]),
  )
  return {
    left: all.length - listed.length,
    comparisons: listed.map((preference): FamilyComparison => {
      const { verdict, rubric } = preference
      const other = others.get(otherOf(preference))
      const winner = verdict.outcome === 'first' ? preference.first : preference.second
      return {
        ...(other ? { other: { id: other.id, text: effectiveText(other).completion } } : {}),
        outcome: verdict.outcome === 'tie' ? 'tied' : winner === row.id ? 'won' : 'lost',
        ...(verdict.unreadable === undefined ? {} : { unreadable: verdict.unreadable }),
        rubric,
        judge: verdict.judge.name,
      }
    }),
  }
}

/** As `Map.groupBy`, which Node 20 does not have. */
function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
