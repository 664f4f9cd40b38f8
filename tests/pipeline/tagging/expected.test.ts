// What a person writes down as expected of a response, and what is unreadable by it.
import { describe, expect, test } from 'vitest'
import {
  findListed,
  parseKeys,
  parseNumber,
  parseValue,
  readKeys,
} from '../../../src/pipeline/tagging/expected.ts'

const KEYS = `topic: text
level: whole 1 to 5
kind: question, order
polite: true or false
note?: text`
const read = (response: string, written = KEYS) => {
  const keys = parseKeys(written)
  if (!keys.ok) throw new Error(keys.problems[0]?.sentence)
  return readKeys(response, keys.value)
}

describe('what is expected', () => {
  test('is read line by line', () => {
    expect(parseKeys(KEYS)).toMatchObject({
      ok: true,
      value: [
        { name: 'topic', isOptional: false, value: { kind: 'text' } },
        { name: 'level', value: { kind: 'number', isWhole: true, from: 1, to: 5 } },
        { name: 'kind', value: { kind: 'one of', values: ['question', 'order'] } },
        { name: 'polite', value: { kind: 'boolean' } },
        { name: 'note', isOptional: true },
      ],
    })
    expect(parseNumber('')).toMatchObject({ value: { isWhole: false, from: -Infinity, to: Infinity } })
    expect(parseNumber('-1.5 to 2')).toMatchObject({ value: { from: -1.5, to: 2 } })
    expect(parseNumber('whole from 0 to 10')).toMatchObject({ value: { isWhole: true, from: 0, to: 10 } })
    expect(parseValue('number')).toMatchObject({ value: { kind: 'number' } })
  })

  test.each([
    [parseKeys('topic'), /“topic” has no key/],
    [parseKeys(': text'), /has no key/],
    [parseKeys('\n \n'), /there is no key/],
    [parseKeys('a: text\na: number'), /“a” is there twice/],
    [parseKeys('a: colour'), /“colour” is no kind of value/],
    [parseKeys(Array.from({ length: 21 }, (_, i) => `k${i}: text`).join('\n')), /more than 20 keys/],
    [parseKeys(`${'k'.repeat(101)}: text`), /more than 100 characters/],
    [parseNumber('5 to 1'), /ends below its beginning/],
    [parseNumber('few'), /“few” is no range|“number few” is no kind/],
  ])('is refused with the place: %#', (parsed, sentence) => {
    expect(parsed.ok ? '' : parsed.problems[0]?.sentence).toMatch(sentence)
  })
})

describe('a response', () => {
  test('gives its keys, whatever is written around the object', () => {
    const json = '{"topic":"bread {fresh}","level":"3","kind":"Order.","polite":false,"x":[1]}'
    for (const response of [json, `Here it is:\n\`\`\`json\n${json}\n\`\`\`\nDone {ok}.`, `{so} ${json}`])
      expect(read(response)).toMatchObject({
        fields: { topic: 'bread {fresh}', level: 3, kind: 'order', polite: 'false' },
        evidence: { 'keys not expected': 'x' },
      })
  })

  test.each([
    ['no object', 'the response has no JSON object'],
    ['{"topic": "half', 'the response has no JSON object'],
    ['[1, 2]', 'the response has no JSON object'],
    ['{}', 'the JSON has no “topic”'],
    ['{"topic":null}', 'the JSON has no “topic”'],
    ['{"topic":3}', '“topic” is no text'],
    ['{"topic":"a","level":6,"kind":"order","polite":true}', '“level” is not from 1 to 5'],
    ['{"topic":"a","level":2.5,"kind":"order","polite":true}', '“level” is not whole'],
    ['{"topic":"a","level":"three","kind":"order","polite":true}', '“level” is no number'],
    ['{"topic":"a","level":1,"kind":"wish","polite":true}', '“kind” is none of the expected values'],
    ['{"topic":"a","level":1,"kind":"order","polite":"maybe"}', '“polite” is neither true nor false'],
    ['{"topic":"a","level":1,"kind":"order","polite":true,"note":{}}', '“note” is no text'],
    ['{"constructor":1,"__proto__":{"topic":"a"}}', 'the JSON has no “topic”'],
  ])('outside of it is unreadable: %s', (response, unreadable) => {
    expect(read(response)).toMatchObject({ unreadable })
  })

  test('ends soon however many braces it has', () => {
    const since = performance.now()
    read('{'.repeat(200_000))
    expect(performance.now() - since).toBeLessThan(2000)
  })

  test('is a listed value without case and marks around it', () => {
    expect(findListed(['Yes', 'No'], ' **yes**. ')).toBe('Yes')
    expect(findListed(['Yes', 'No'], 'yes and no')).toBeUndefined()
    expect(findListed(['a b'], '“A b”!')).toBe('a b')
  })
})
