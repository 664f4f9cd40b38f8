// Knows: how much of a cell a preview shows.

const SHOWN = 160

/** The beginning of a cell in one line, never half a character. */
export function shorten(cell: string): string {
  const line = cell
    .slice(0, SHOWN * 2)
    .replaceAll(/\s+/g, ' ')
    .trim()
  const letters = [...line]
  return letters.length > SHOWN || cell.length > SHOWN * 2 ? `${letters.slice(0, SHOWN).join('')}…` : line
}
