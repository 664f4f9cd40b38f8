import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkSettings, choice, realNumber, text, toggle, wholeNumber } from '../../src/domain/settings.ts'

const help = { label: 'L', help: 'H.' }
const settings = {
  n: wholeNumber({ ...help, from: 1, to: 9, default: 3, unit: 'words' }),
  share: realNumber({ ...help, from: 0, to: 1, default: 0.5 }),
  name: text({ ...help, default: 'x', limit: 5 }),
  kind: choice({ ...help, choices: ['a', 'b'], default: 'a' }),
  on: toggle({ ...help, default: true }),
}

test('gives an absent setting its default', () => {
  expect(checkSettings(settings, { n: 4, kind: null })).toEqual({
    ok: true,
    value: { n: 4, share: 0.5, name: 'x', kind: 'a', on: true },
  })
})

test.each([
  [{ n: 0 }, 'n', '`n` must be from 1 to 9 words, not 0.'],
  [{ n: 2.5 }, 'n', '`n` must be a whole number from 1 to 9 words, not 2.5.'],
  [{ n: '4' }, 'n', '`n` must be a number from 1 to 9 words, not “4”.'],
  [{ share: Number.NaN }, 'share', '`share` must be a number from 0 to 1, not NaN.'],
  [{ name: 'too long' }, 'name', '`name` has 8 characters; the limit is 5.'],
  [{ kind: 'c' }, 'kind', '`kind` must be one of a, b, not “c”.'],
  [{ on: 'yes' }, 'on', '`on` must be true or false, not “yes”.'],
  [{ other: 1 }, 'other', '`other` is not a setting here. The settings are: n, share, name, kind, on.'],
])('refuses %j in a sentence', (given, field, sentence) => {
  expect(checkSettings(settings, given)).toEqual({ ok: false, problems: [{ field, sentence }] })
})

test('refuses any values that do not fit their declarations', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('n', 'share', 'name', 'kind', 'on', '__proto__', 'toString'),
        fc.anything(),
      ),
      (given) => {
        const read = checkSettings(settings, given)
        if (!read.ok) return
        const { n, share, name, kind, on } = read.value
        expect(
          Number.isInteger(n) &&
            n >= 1 &&
            n <= 9 &&
            share >= 0 &&
            share <= 1 &&
            name.length <= 5 &&
            ['a', 'b'].includes(kind) &&
            typeof on === 'boolean',
        ).toBe(true)
      },
    ),
  )
})
