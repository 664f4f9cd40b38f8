import { expect, test } from 'vitest'
import { findUnusable } from '../../../src/pipeline/growing/unusable.ts'

test.each([
  'Summarise the plot of a novel you like.',
  'Come up with an interesting idea for a new movie plot.',
  'The characters are well developed and the plot is compelling.',
  'Invent a plot twist for a thriller.',
  'Which conclusion can you draw a clear conclusion from?',
  'How do painters draw inspiration from nature?',
  'Draw up a plan for a garden.',
  'How do I file a small claims lawsuit?',
  'Help me file my tax return.',
  'Map each word to its opposite.',
  'Explain graph theory to a child.',
  'Describe the big picture of the project.',
  'Why do children go to school?',
  'I want to go to the store. Rewrite this politely.',
])('keeps “%s”', (text) => {
  expect(findUnusable(text)).toBeUndefined()
})

test.each([
  ['Plot the points on paper.', 'plot'],
  ['Show the plot of the data below.', 'plot'],
  ['Draw a cat in the garden.', 'draw'],
  ['Draw a conclusion, then draw a cat.', 'draw'],
  ['Describe what this Picture shows.', 'picture'],
  ['Open the file and count its lines.', 'file'],
  ['Find the station on the map.', 'map'],
  ['Go to the website and copy its first line.', 'go to'],
  ['You should go to www.example.org and copy it.', 'go to'],
  ['Summarise the plot of the novel in this image.', 'image'],
])('drops “%s” for “%s”', (text, word) => {
  expect(findUnusable(text)).toBe(word)
})

test('is linear in hostile text', () => {
  for (const unit of ['the plot of ', 'draw a the ', 'file a my ', 'movie’s plot ', 'to go to the '])
    expect(() => findUnusable(unit.repeat(20_000))).not.toThrow()
})
