// An answer in pieces: response, reasoning, stop texts, cut characters.
import { expect, test } from 'vitest'
import { ResponseText } from '../../../../workers/teachers/endpoint/response-text.ts'

function read(pieces: readonly string[], { stops = ['STOP'], opened = false, wasCut = false } = {}) {
  const text = new ResponseText(stops, opened)
  const shown: string[] = []
  for (const piece of pieces) {
    text.add(piece)
    if (pieces.length < 1000) shown.push(text.shown)
  }
  return { ...text.finish(wasCut), shown, stopped: text.stopped }
}
const letters = (text: string): string[] => [...text]

test.each([1, 2, 5, 100])('separates reasoning from content in pieces of %i, and never shows it', (size) => {
  const whole = '\n<think>\nTwo > one. STOP is not here.\n</think>\n\nFour.'
  const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
  const { shown, ...rest } = read(pieces)
  expect(rest).toEqual({
    text: 'Four.',
    begin: whole.indexOf('Four.'),
    reasoning: 'Two > one. STOP is not here.',
    stopped: false,
  })
  expect(shown.filter((text) => !'Four.'.startsWith(text))).toEqual([])
})

test('stop texts count in the response only', () => {
  expect(read(letters('<think>STOP</think>Four STOP five'))).toMatchObject({
    text: 'Four ',
    reasoning: 'STOP',
    stopped: true,
  })
})

test('reasoning that the prompt opened ends at its closing mark, or never', () => {
  expect(read(letters('Two.</think>Four.'), { opened: true })).toMatchObject({
    text: 'Four.',
    reasoning: 'Two.',
  })
  expect(read(letters('Two. Four.'), { opened: true })).toMatchObject({
    text: '',
    reasoning: 'Two. Four.',
    unfinished: true,
  })
})

test('a closing mark that comes as a surprise still ends reasoning', () => {
  expect(read(letters('Two.</think>Four.'))).toMatchObject({ text: 'Four.', reasoning: 'Two.' })
})

test('reasoning in a field of its own is unfinished if no response follows', () => {
  const text = new ResponseText([], true)
  text.addReasoning('Two ')
  text.addReasoning('and')
  expect(text.finish(true)).toEqual({ text: '', begin: 0, reasoning: 'Two and', unfinished: true })
  text.add('Four.')
  expect(text.finish(true)).toEqual({ text: 'Four.', begin: 0, reasoning: 'Two and' })
})

test('a character that was cut at the end is dropped, a replacement character in the text is not', () => {
  expect(read(['A \uFFFD b\uFFFD\uFFFD'], { wasCut: true }).text).toBe('A \uFFFD b')
  expect(read(['A b\uFFFD'], { wasCut: false }).text).toBe('A b\uFFFD')
  expect(read(['Smile \ud83d'], { wasCut: true }).text).toBe('Smile ')
  expect(read(['Smile \ud83d', '\ude42'], { wasCut: true }).text).toBe('Smile 🙂')
})

test('long reasoning and long responses in small pieces cost about their length', () => {
  read(['<think>', ...Array.from({ length: 25_000 }, () => 'x > y, x > y, xy'), '</think>', 'Yes.'])
  read(
    Array.from({ length: 25_000 }, () => 'abcdefghijklmnop'),
    { stops: ['never', 'in here'] },
  )
  read(Array.from({ length: 25_000 }, () => '                '))
  read(['<think>', ...Array.from({ length: 25_000 }, () => ' `</think>` then')])
  // Work that grows with the square of the length does not end within the runner’s time limit.
})
