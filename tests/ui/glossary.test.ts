// Knows: that the glossary is complete and short, and that every term on a screen is in it.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { groupTerms, TERMS, termOf, type GlossaryTerm } from '../../src/ui/glossary/terms.ts'

const ui = fileURLToPath(new URL('../../src/ui', import.meta.url))
const terms: readonly GlossaryTerm[] = TERMS
/** Ids in `<Term id="…">` of all components. */
const used = readdirSync(ui, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.svelte'))
  .flatMap((path) =>
    [...readFileSync(`${ui}/${path}`, 'utf8').matchAll(/<Term\s+id="([^"]*)"/g)].map(([, id = '']) => id),
  )
const sentencesIn = (text: string): number => text.match(/[.!?](?=\s|$)/g)?.length ?? 0

describe('the glossary', () => {
  it('has 25 to 40 terms with unique ids and names', () => {
    expect(terms.length).toBeGreaterThanOrEqual(25)
    expect(terms.length).toBeLessThanOrEqual(40)
    expect(new Set(terms.map(({ id }) => id)).size).toBe(terms.length)
    expect(new Set(terms.map(({ term }) => term.toLowerCase())).size).toBe(terms.length)
  })

  it.each(terms.map((term) => [term.term, term] as const))(
    'explains %s in one or two sentences',
    (_, { meaning, use }) => {
      expect(sentencesIn(meaning)).toBe(1)
      expect(meaning).toMatch(/^[A-Z].*\.$/)
      if (use !== undefined) {
        expect(sentencesIn(use)).toBe(1)
        expect(use).toMatch(/^[A-Z].*\.$/)
      }
    },
  )

  it('groups every term once, by letter in alphabetical order', () => {
    const groups = groupTerms()
    expect(groups.flatMap((group) => group.terms)).toHaveLength(terms.length)
    expect(groups.map(({ letter }) => letter)).toEqual(groups.map(({ letter }) => letter).toSorted())
    for (const group of groups)
      for (const { term } of group.terms) expect(term.toUpperCase().startsWith(group.letter)).toBe(true)
  })

  it('has every term that a screen explains', () => {
    const ids: readonly string[] = terms.map(({ id }) => id)
    expect(used.length).toBeGreaterThanOrEqual(20)
    expect(used.filter((id) => !ids.includes(id))).toEqual([])
  })

  it('finds a term by its id', () => {
    expect(termOf('soft-targets').term).toContain('Soft targets')
    expect(() => termOf('no such term' as 'seed')).toThrow(RangeError)
  })
})
