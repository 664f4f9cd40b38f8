import { expect, test } from 'vitest'
import { isList, removeMark } from '../../../src/pipeline/seeds/list-marks.ts'

test.each([
  ['1. Write a poem', 'Write a poem'],
  ['12) Explain tides', 'Explain tides'],
  ['(3) Explain tides', 'Explain tides'],
  ['12345. Explain tides', 'Explain tides'],
  ['- Draw a plan', 'Draw a plan'],
  ['  * Draw a plan', 'Draw a plan'],
  ['•\tDraw a plan', 'Draw a plan'],
  ['- [ ] Draw a plan', 'Draw a plan'],
  ['1、写一首诗', '写一首诗'],
])('takes the mark off %j', (line, text) => expect(removeMark(line)).toBe(text))

test.each([
  '3.5 km is how far?',
  '-based words: what are they?',
  'well-known',
  '1984 was written by whom?',
  '*Why* is the sky blue?',
  '-5 degrees is how cold?',
  '**Bold** text',
  '10:30 is when?',
  '- ',
  '1.',
])('leaves %j as it is', (line) => expect(removeMark(line)).toBeUndefined())

test.each([
  [['1. One', '2. Two', '3. Three'], true],
  [['1. One', '1. Two', '1. Three'], true],
  [['7. Seven', '8. Eight'], true],
  [['- One', '* Two'], true],
  [['Questions:', '1. One', '2. Two', '3. Three'], true],
  [['2. Weltkrieg: wann begann er?'], false],
  [['Why is the sky blue?', '- Who said that?', 'What is rain?'], false],
  [['Hello', '- Draw a plan'], false],
  [['1. Bundesliga seit wann?', 'Was ist Regen?', 'Was ist Schnee?'], false],
] as const)('decides from most lines whether %j is a list', (lines, list) => expect(isList(lines)).toBe(list))
