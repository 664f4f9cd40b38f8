// Knows: the marks of lists in plain text (`1.`, `2)`, `-`, `*`, `•`), and when lines have them because they are a list.

const MARK = /^\s*(?:\(?(\d{1,7})(?:[.)．）](?=\s)|、)|([-*+•‣◦–—])(?=\s))\s*(?:\[[ xX]\]\s+)?(?=\S)/u

/** A line without its mark; `undefined` if it has none. */
export function removeMark(line: string): string | undefined {
  const mark = MARK.exec(line)
  return mark ? line.slice(mark[0].length) : undefined
}

/**
 * True if most of these lines are items of a list. Numbers count if they begin at 0 or 1 or continue: “2. Weltkrieg” alone is text.
 */
export function isList(lines: readonly string[]): boolean {
  let previous: number | undefined
  let marked = 0
  /** A first number above 1 counts as soon as the next one continues: “3.”, “4.” is a part of a list. */
  let waiting = 0
  for (const line of lines) {
    const mark = MARK.exec(line)
    if (!mark) continue
    if (mark[1] === undefined) {
      marked += 1
      continue
    }
    const number = Number(mark[1])
    if (number <= 1 || number === previous || number - 1 === previous) {
      marked += 1 + waiting
      waiting = 0
    } else waiting = 1
    previous = number
  }
  return marked > lines.length / 2
}
