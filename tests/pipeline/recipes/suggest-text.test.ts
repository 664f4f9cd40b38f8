import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { StepDeclaration } from '../../../src/domain/recipe.ts'
import { checkSetting, choice, realNumber, text, toggle } from '../../../src/domain/settings.ts'
import { suggestText } from '../../../src/pipeline/recipes/suggest-text.ts'
import { stepDeclarations } from '../../../src/pipeline/steps.ts'

/** A member that exists only here. */
const madeUp: StepDeclaration = {
  family: 'filter',
  name: 'palindromes',
  title: 'Palindromes',
  help: 'Drops completions that read the same backwards.',
  settings: {
    shortest: realNumber({ label: 'Shortest', help: '', from: 1, to: 9, default: 3, unit: 'letters' }),
    spaces: choice({ label: 'Spaces', help: '', choices: ['count', 'skip'], default: 'skip' }),
    strict: toggle({ label: 'Strict', help: '', default: true }),
    alphabet: text({ label: 'Alphabet', help: '', default: '' }),
  },
}
const HEAD = 'retort: 2\nname: x\nsteps:\n'

/** Suggested texts where `^` is in a text. */
function suggest(marked: string): string[] | undefined {
  const offset = marked.indexOf('^')
  return suggestText(marked.replace('^', ''), offset, [...stepDeclarations, madeUp])?.items.map(
    (item) => item.text,
  )
}

describe('suggestions in a recipe’s text', () => {
  it('are the recipe’s fields that are not written', () => {
    expect(suggest('^')).toEqual(['retort: 2', 'name: ', 'rngSeed: ', 'steps:'])
    expect(suggest('retort: 2\nname: x\nr^')).toEqual(['rngSeed: '])
    expect(suggest('n^\nretort: 2\n')).toEqual(['name: ', 'rngSeed: '])
  })

  it('are steps behind a dash, found by family, name or title', () => {
    expect(suggest(`${HEAD}  - ^`)).toEqual(
      [...stepDeclarations, madeUp].map(({ family, name }) => `${family}: ${name}`),
    )
    expect(suggest(`${HEAD}  -^`)?.[0]).toMatch(/^ \w+: /)
    expect(suggest(`${HEAD}  - palin^`)).toEqual(['filter: palindromes'])
    expect(suggest(`${HEAD}  ^`)).toContain('- filter: palindromes')
  })

  it('are the members of a family behind its name', () => {
    expect(suggest(`${HEAD}  - filter: ^`)).toEqual(
      [...stepDeclarations, madeUp].filter(({ family }) => family === 'filter').map(({ name }) => name),
    )
    expect(suggest(`${HEAD}  - filter: pal^`)).toEqual(['palindromes'])
    expect(suggest(`${HEAD}  - filter: palindromes^`)).toBeUndefined()
    expect(suggest(`${HEAD}  - filtre: ^`)).toBeUndefined()
  })

  it('are the settings that the step has and that are not written, before or after', () => {
    const step = `${HEAD}  - filter: palindromes\n`
    expect(suggest(`${step}    ^`)).toEqual(['shortest: ', 'spaces: ', 'strict: ', 'alphabet: '])
    expect(
      suggest(`${step}    strict: true\n    s^\n    shortest: 4\n  - filter: length\n    spaces: 1`),
    ).toEqual(['spaces: '])
    expect(suggest(`${step}    ^\n`)).toHaveLength(4)
    expect(suggest(`${HEAD}  - filter: lenght\n    ^`)).toBeUndefined()
  })

  it('are a setting’s values with the default', () => {
    const values = (line: string): string[] | undefined =>
      suggest(`${HEAD}  - filter: palindromes\n    ${line}`)
    expect(values('spaces: ^')).toEqual(['count', 'skip'])
    expect(values('spaces: s^')).toEqual(['skip'])
    expect(values('strict: ^')).toEqual(['true', 'false'])
    expect(values('shortest: ^')).toEqual(['3', '1', '9'])
    expect(values('alphabet: ^')).toBeUndefined()
    expect(values('unknown: ^')).toBeUndefined()
    const at = `${HEAD}  - filter: palindromes\n    shortest: `
    expect(suggestText(at, at.length, [madeUp])).toMatchObject({
      isClosed: false,
      items: [{ detail: 'default, letters' }, { detail: 'min, letters' }, { detail: 'max, letters' }],
    })
  })

  it('are none in comments, in blocks of text and inside what is written', () => {
    const step = `${HEAD}  - filter: palindromes\n`
    expect(suggest(`${step}    # s^`)).toBeUndefined()
    expect(suggest(`${step}    spaces: # s^`)).toBeUndefined()
    expect(suggest(`${step}    alphabet: |\n      s^`)).toBeUndefined()
    expect(suggest(`${step}    alphabet: |\n      a\n\n      - ^`)).toBeUndefined()
    expect(suggest(`${step}    alphabet: |\n      a\n    s^`)).toEqual(['shortest: ', 'spaces: ', 'strict: '])
    expect(suggest(`${step}    s^paces: skip`)).toBeUndefined()
  })

  it('are values that each setting accepts, for every step', () => {
    let found = 0
    for (const { family, name, settings } of stepDeclarations)
      for (const [field, setting] of Object.entries(settings)) {
        const whole = `${HEAD}  - ${family}: ${name}\n    ${field}: `
        for (const { text: value } of suggestText(whole, whole.length)?.items ?? []) {
          found++
          expect(checkSetting(field, setting, parse(value))).toMatchObject({ ok: true })
        }
      }
    expect(found).toBeGreaterThan(100)
  })

  it('replace what is written, whatever the text and the place', () => {
    const piece = fc.constantFrom(
      'steps:',
      '  - ',
      'filter: ',
      'palindromes',
      '\n',
      '    ',
      'spaces: ',
      '|',
      '#',
      's',
      '- ',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(200), (pieces, at) => {
        const whole = pieces.join('')
        const offset = Math.min(at, whole.length)
        const found = suggestText(whole, offset, [madeUp])
        if (found === undefined) return
        expect(found.items.length).toBeGreaterThan(0)
        expect(found.to).toBe(offset)
        expect(whole.slice(found.from, found.to)).not.toContain('\n')
      }),
    )
  })
})
