import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitReasoning, type SplitOptions } from '../../../src/pipeline/reasoning/split-reasoning.ts'

const split = (whole: string, options?: SplitOptions) => {
  const { begin, ...rest } = splitReasoning(whole, options)
  expect(whole.slice(begin, begin + rest.text.length)).toBe(rest.text)
  return rest
}

describe('reasoning at the beginning is separated', () => {
  test.each([
    ['<think>Two and two.</think>Four.'],
    ['\n <think>\nTwo and two.\n</think>\n\nFour.'],
    ['<THINK>Two and two.</Think> Four.'],
    ['<thinking>Two and two.</thinking>\nFour.'],
    ['<thought>Two and two.</thought>\nFour.'],
    ['<reasoning>Two and two.</reasoning>\nFour.'],
    ['<seed:think>Two and two.</seed:think>Four.'],
    ['[THINK]Two and two.[/THINK]Four.'],
    ['◁think▷Two and two.◁/think▷Four.'],
    ['<|begin_of_thought|>Two and two.<|end_of_thought|>\n<|begin_of_solution|>\nFour.\n<|end_of_solution|>'],
    ['<|START_THINKING|>Two and two.<|END_THINKING|><|START_RESPONSE|>Four.<|END_RESPONSE|>'],
    ['<|channel>thought\nTwo and two.\n<channel|>Four.'],
    [
      '<|channel|>analysis<|message|>Two and two.<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>',
    ],
    [
      '<|start|>assistant<|channel|>analysis<|message|>Two and two.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>Four.',
    ],
    ['analysisTwo and two.assistantfinalFour.'],
    ['<think>Two and two.</think><response>Four.</response>'],
    ['<think>Two and two.</think>\n<answer>\nFour.\n</answer>\n'],
    ['<think>Two and two.</think>\n</think>\nFour.'],
  ])('%s', (whole) => {
    expect(split(whole)).toEqual({ text: 'Four.', reasoning: 'Two and two.' })
  })

  test('empty reasoning is none', () => {
    expect(split('<think>\n\n</think>\n\nFour.')).toEqual({ text: 'Four.' })
    expect(split('<|channel>thought\n<channel|>Four.')).toEqual({ text: 'Four.' })
  })

  test('several blocks in a row are joined', () => {
    expect(split('<think>One.</think>\n<think>Two.</think> Four.')).toEqual({
      text: 'Four.',
      reasoning: 'One.\n\nTwo.',
    })
  })

  test('a closing mark in backticks is a mention, unless there is no other', () => {
    expect(split('<think>It ends at `</think>`, so.</think>Four.')).toEqual({
      text: 'Four.',
      reasoning: 'It ends at `</think>`, so.',
    })
    expect(split('<think>`x`</think>`y`')).toMatchObject({ text: '`y`' })
  })
})

test.each([
  ['<reason code="1">Two and two.</reason> is valid XML.'],
  ['In XML:\n<reasoning id="2">Two and two.</reasoning>\nThat is all.'],
])('the closing tag of an element with attributes is the response’s own: %s', (whole) => {
  expect(split(whole)).toEqual({ text: whole })
})

describe('a closing mark without an opening one ends what the template opened', () => {
  test.each(['</think>', '</thinking>', '[/THINK]', '◁/think▷', '</seed:think>'])('%s', (close) => {
    expect(split(`Two and two.\n${close}\n\nFour.`)).toEqual({ text: 'Four.', reasoning: 'Two and two.' })
    expect(split(`${close}\n\nFour.`)).toEqual({ text: 'Four.' })
  })

  test('the response may mention marks', () => {
    expect(split('Hm.</think>Models write <think> and </think>.')).toEqual({
      text: 'Models write <think> and </think>.',
      reasoning: 'Hm.',
    })
  })
})

describe('reasoning that never ended leaves no response', () => {
  test.each([
    ['<think>Two and', 'Two and'],
    ['  <think>\nTwo and </thi', 'Two and </thi'],
    ['<think>One.</think><think>Two and', 'One.\n\nTwo and'],
    ['<|channel|>analysis<|message|>Two and', 'Two and'],
    ['analysisTwo and', 'Two and'],
  ])('%s', (whole, reasoning) => {
    expect(split(whole)).toEqual({ text: '', reasoning, unfinished: true })
  })

  test('nothing but an opening mark', () => {
    expect(split('<think>')).toEqual({ text: '', unfinished: true })
    expect(split('<|channel|>ana')).toEqual({ text: '', unfinished: true })
  })
})

describe('a prompt that opened the reasoning', () => {
  test('everything is reasoning up to the closing mark', () => {
    expect(split('Two and two.</think>Four.', { opened: true })).toEqual({
      text: 'Four.',
      reasoning: 'Two and two.',
    })
    expect(split('Two and two.', { opened: true })).toEqual({
      text: '',
      reasoning: 'Two and two.',
      unfinished: true,
    })
    expect(split('', { opened: true })).toEqual({ text: '', unfinished: true })
  })
  test('a model that opens it once more, or mentions the mark, is understood', () => {
    expect(split('<think>Two.</think>Four.', { opened: true })).toEqual({ text: 'Four.', reasoning: 'Two.' })
    expect(split('Not <think>.</think>Four.', { opened: true })).toEqual({
      text: 'Four.',
      reasoning: 'Not <think>.',
    })
  })
})

describe('a text without reasoning stays as it is', () => {
  test.each([
    [' Four.\n'],
    [''],
    ['<'],
    ['Some models write <think>this</think> before a response.'],
    ['Close it with `</think>`.'],
    ['Open it with <think>.'],
    ['<answer>Four.</answer>'],
    ['analysis of the text'],
    ['Analysis: it is four, assistantfinal.'],
    ['A channel is <|channel|>final<|message|>.'],
  ])('%s', (whole) => {
    expect(split(whole)).toEqual({ text: whole })
  })
})

describe('while a text grows', () => {
  test.each([
    ['  <think>Two and two.</think>\n\nFour is it.', false],
    ['Two and two.</think>\n\nFour is it.', true],
    ['<|channel|>analysis<|message|>Two.<|end|><|start|>assistant<|channel|>final<|message|>Four.', false],
    ['<|channel>thought\nTwo.<channel|>Four.', false],
    ['analysisTwo.assistantfinalFour.', false],
  ])('nothing of the reasoning in %s is ever shown', (whole, opened) => {
    const { text } = splitReasoning(whole, { opened })
    for (let end = 0; end <= whole.length; end++) {
      const shown = splitReasoning(whole.slice(0, end), { opened, partial: true }).text.trim()
      expect(text.startsWith(shown), whole.slice(0, end)).toBe(true)
    }
  })
})

test('keeps every letter of any response, for any reasoning without marks', () => {
  const plain = fc.string({ unit: 'grapheme' }).filter((text) => !/[<[◁]|^analysis/.test(text))
  fc.assert(
    fc.property(plain, plain, (reasoning, response) => {
      expect(split(`<think>${reasoning}</think>${response}`)).toEqual({
        text: response.trimStart(),
        ...(reasoning.trim() === '' ? {} : { reasoning: reasoning.trim() }),
      })
      expect(split(response)).toEqual({ text: response })
    }),
  )
})

test('reads hostile texts to their end', () => {
  for (const piece of [
    '<think>',
    '</think>',
    '`</think>`',
    '<|channel|>',
    '<|channel|>a<|message|>',
    ' ',
    '<think></think>',
  ]) {
    // Work that grows with the square of the length does not end within the runner’s time limit.
    const text = piece.repeat(2_000_000 / piece.length)
    expect(splitReasoning(text).text.length, piece).toBeLessThanOrEqual(text.length)
    expect(splitReasoning(`<think>${text}`).text.length, piece).toBeLessThanOrEqual(text.length)
  }
})
