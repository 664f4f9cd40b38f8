import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkSettings,
  choice,
  isUsed,
  realNumber,
  role,
  text,
  toggle,
  wholeNumber,
} from '../../src/domain/settings.ts'
import { rubric } from '../../src/pipeline/judging/rubric.ts'
import { stepDeclarations } from '../../src/pipeline/steps.ts'

const help = { label: 'L', help: 'H.' }
const settings = {
  n: wholeNumber({ ...help, from: 1, to: 9, default: 3, unit: 'words' }),
  share: realNumber({ ...help, from: 0, to: 1, default: 0.5 }),
  name: text({ ...help, default: 'x', limit: 5 }),
  kind: choice({ ...help, choices: ['a', 'b'], default: 'a' }),
  on: toggle({ ...help, default: true }),
  by: role({ default: 'teacher' }),
}

test('gives an absent setting its default', () => {
  expect(checkSettings(settings, { n: 4, kind: null })).toEqual({
    ok: true,
    value: { n: 4, share: 0.5, name: 'x', kind: 'a', on: true, by: 'teacher' },
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
  [
    { by: 'My Judge' },
    'by',
    '`by` must be a role: teacher, judge, embedder, or a name of your own of small letters, digits and hyphens, at most 24 characters; not “My Judge”.',
  ],
  [{ other: 1 }, 'other', '`other` is not a setting here. The settings are: n, share, name, kind, on, by.'],
])('refuses %j in a sentence', (given, field, sentence) => {
  expect(checkSettings(settings, given)).toEqual({ ok: false, problems: [{ field, sentence }] })
})

test('refuses any values that do not fit their declarations', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('n', 'share', 'name', 'kind', 'on', 'by', '__proto__', 'toString'),
        fc.anything(),
      ),
      (given) => {
        const read = checkSettings(settings, given)
        if (!read.ok) return
        const { n, share, name, kind, on, by } = read.value
        expect(
          Number.isInteger(n) &&
            n >= 1 &&
            n <= 9 &&
            share >= 0 &&
            share <= 1 &&
            name.length <= 5 &&
            ['a', 'b'].includes(kind) &&
            typeof on === 'boolean' &&
            /^[a-z][a-z0-9-]{0,23}$/.test(by),
        ).toBe(true)
      },
    ),
  )
})

test('takes a known role or a name of the recipe’s own, and refuses what is no name', () => {
  const read = (by: unknown): boolean => checkSettings({ by: settings.by }, { by }).ok
  expect(['teacher', 'judge', 'embedder', 'critic', 'teacher-2', 'a'.repeat(24)].map(read)).toEqual(
    Array(6).fill(true),
  )
  expect(
    ['', '2nd', 'the_judge', 'Judge', 'juge é', '-a', '__proto__', 'a'.repeat(25), true, 1].map(read),
  ).toEqual(Array(10).fill(false))
})

test('a setting has an effect only next to the values that it is declared for', () => {
  const { settings: judge } = rubric
  expect(isUsed(judge.own, judge, {})).toBe(false)
  expect(isUsed(judge.own, judge, { rubric: 'own' })).toBe(true)
  expect(isUsed(judge.rubric, judge, {})).toBe(true)
  for (const { settings: declared } of stepDeclarations)
    for (const { usedIf } of Object.values(declared))
      if (usedIf) expect(Object.keys(declared)).toContain(usedIf.setting)
})
