// Knows: where the items of a numbered response begin and end, and which numbers belong to a list inside one item.
// Source: the marks are those of post_process_gpt3_response in self_instruct/bootstrap_instructions.py, which splits at every one.

/** A line that begins with a number and a dot or bracket. */
const MARK = /\n[^\S\n]*(\d{1,9})\s?[.)](?=\s|$)/g

interface Mark {
  /** Where the line break before it and its text begin. */
  readonly at: number
  readonly end: number
  readonly number: number
}

/**
 * The items of a response that continues a numbered list after the number `first` (1 if unknown). A list inside an item keeps its
 * numbers: it starts again at 1, counts up, and the outer numbering resumes after it; or it is the end of the last item, which
 * announces it with a colon. Any other number begins an item, whatever it is: teachers miscount.
 */
export function splitList(text: string, first = 1): string[] {
  const marks = [...text.matchAll(MARK)].map((match): Mark => ({
    at: match.index,
    end: match.index + match[0].length,
    number: Number(match[1]),
  }))
  const items: string[] = []
  let from = 0
  let current = first
  for (let i = 0; i < marks.length; i++) {
    const mark = marks[i] as Mark
    const before = text.slice(from, mark.at)
    const inner = findInnerList(marks, i, current, before)
    if (inner > 0) {
      i += inner - 1
      continue
    }
    items.push(before)
    from = mark.end
    current = mark.number
  }
  return [...items, text.slice(from)]
}

/** Number of marks from `i` on that are a list inside the item that the text `before` belongs to. */
function findInnerList(marks: readonly Mark[], i: number, current: number, before: string): number {
  if (marks[i]?.number !== 1 || before.trim() === '') return 0
  let length = 1
  while (marks[i + length]?.number === length + 1) length++
  const after = marks[i + length]
  if (after !== undefined) return after.number === current + 1 ? length : 0
  return /[:：]\s*$/u.test(before) ? length : 0
}
