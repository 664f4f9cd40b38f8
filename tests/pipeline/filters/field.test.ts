// Knows: which rows the filter on a named value keeps.
import { expect, test } from 'vitest'
import { field } from '../../../src/pipeline/filters/field.ts'
import { settingsWith } from '../samples.ts'

type Changed = Parameters<typeof settingsWith<(typeof field)['settings']>>[1]
const FIELDS = { language: ' French ', level: 3, 'level text': '4.5', note: '' }
const decide = (changed: Changed, fields: Record<string, string | number> | undefined = FIELDS) =>
  field.decide({
    prompt: 'p',
    completion: 'c',
    finishReason: 'end',
    ...(fields ? { fields } : {}),
    settings: settingsWith(field, changed),
  })

test.each([
  [{ field: 'language', comparison: 'equals', value: 'french' }, 'kept'],
  [{ field: 'language', comparison: 'equals', value: 'fr' }, 'dropped'],
  [{ field: 'language', comparison: 'contains', value: 'REN' }, 'kept'],
  [{ field: 'level', comparison: 'equals', value: '3.0' }, 'kept'],
  [{ field: 'level', comparison: 'at least', value: '3' }, 'kept'],
  [{ field: 'level', comparison: 'at least', value: '3.1' }, 'dropped'],
  [{ field: 'level text', comparison: 'at most', value: '4.5' }, 'kept'],
  [{ field: 'level text', comparison: 'at most', value: '4' }, 'dropped'],
  [{ field: 'note', comparison: 'is present' }, 'kept'],
  [{ field: 'other', comparison: 'is present' }, 'dropped'],
] as const)('decides %j: %s', (changed, wanted) => {
  expect(decide(changed).kind).toBe(wanted)
  expect(decide({ ...changed, matching: 'drop' }).kind).toBe(wanted === 'kept' ? 'dropped' : 'kept')
})

test.each([
  { field: 'other', comparison: 'equals', value: 'x' },
  { field: 'language', comparison: 'at least', value: '1' },
  { field: 'toString', comparison: 'contains', value: 'n' },
] as const)('treats %j as a row without the field', (changed) => {
  for (const matching of ['keep', 'drop'] as const) {
    expect(decide({ ...changed, matching })).toMatchObject({
      kind: 'dropped',
      reason: expect.stringContaining(changed.field),
    })
    expect(decide({ ...changed, matching, missing: 'keep' }).kind).toBe('kept')
  }
})

test('decides rows without any field', () => {
  const decision = field.decide({
    prompt: '',
    completion: 'c',
    finishReason: 'end',
    settings: settingsWith(field, { comparison: 'equals', value: 'x' }),
  })
  expect(decision).toMatchObject({ kind: 'dropped', reason: 'no field “tag”' })
})

test('reports a value that cannot be compared', () => {
  const check = (changed: Changed) =>
    field.check?.(settingsWith(field, changed)).map((problem) => problem.field)
  expect(check({})).toEqual([])
  expect(check({ field: ' ' })).toEqual(['field'])
  expect(check({ comparison: 'at least', value: 'many' })).toEqual(['value'])
  expect(check({ comparison: 'at most', value: '-1.5e3' })).toEqual([])
  expect(check({ comparison: 'contains', value: ' ' })).toEqual(['value'])
})
