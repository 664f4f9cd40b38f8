import { expect, test } from 'vitest'
import { ending } from '../../../src/pipeline/filters/ending.ts'

const decide = (how: 'end' | 'length' | 'aborted', settings = { length: true, aborted: true }) =>
  ending.decide({ prompt: '', completion: 'text', ending: how, settings })

test('a completion that came to its end stays; one that was cut or stopped goes, with the reason', () => {
  expect(decide('end').kind).toBe('kept')
  expect(decide('length')).toMatchObject({ kind: 'dropped', reason: 'cut by length before its end' })
  expect(decide('aborted')).toMatchObject({ kind: 'dropped', reason: 'stopped before its end' })
})

test('each kind can be let through', () => {
  expect(decide('length', { length: false, aborted: true }).kind).toBe('kept')
  expect(decide('aborted', { length: true, aborted: false }).kind).toBe('kept')
})
