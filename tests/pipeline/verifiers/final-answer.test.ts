// Final answers as people, models and other projects' test sets write them.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readFinalAnswer, verifyFinalAnswer } from '../../../src/pipeline/verifiers/final-answer.ts'

const shared = (path: string): string => fileURLToPath(new URL(`../../../../shared/${path}`, import.meta.url))

describe('readFinalAnswer', () => {
  test.each([
    ['3 x $0.55 = $1.65\nAnswer: $1.65', '1.65'],
    ['Answer: 4\nNo, I was wrong.\nAnswer: 5', '5'],
    ['Answer: $1,204.50', '1204.5'],
    ['Answer: -3.0', '-3'],
    ['Answer: −7', '-7'],
    ['Answer: –5', '-5'],
    ['Answer: $-5', '-5'],
    ['Answer: minus 5', '-5'],
    ['Answer: 007 apples', '7'],
    ['Answer: **18**', '18'],
    ['Answer: 0.0', '0'],
    ['Answer: -0', '0'],
    ['$12.50', '12.5'],
    ['42', '42'],
    ['7 apples', '7'],
    ['Answer: €3', '3'],
    ['Answer:\n12', '12'],
    ['**Answer:**\n\n42', '42'],
    ['Answer：42', '42'],
    ['So the final answer is **7**.', '7'],
    ['#### 1,204', '1204'],
    ['He has 3+4=<<3+4=7>>7 apples.\n#### 7', '7'],
    ['Thus $\\boxed{\\frac{3}{4}}$', '0.75'],
    ['Answer: 12 x 3 = 36', '36'],
    ['Answer: Total = 3 + 4 = 7 apples', '7'],
    ['Answer: 10 - 3', '7'],
    ['Answer: 3 1/2', '3.5'],
    ['Answer: 3\\frac12', '3.5'],
    ['Answer: 1/3', '1/3'],
    ['Answer: 1.204e3', '1204'],
    ['Answer: 6.02 \\times 10^{2}', '602'],
    ['Answer: $\\sqrt{16}$', '4'],
    ['Answer: 12,34', '12.34'],
    ['Answer: 1 204', '1204'],
    ['Answer: 14{,}916', '14916'],
    ['Answer: 50%', '50'],
    ['Answer: 5 m²', '5'],
    ['Answer: 20 km/h', '20'],
    ['Answer: 90°', '90'],
    ['Answer: 7 \\text{ apples}', '7'],
    ['<think>maybe Answer: 41</think>\nAnswer: 42', '42'],
    ['Let me see. <think>Answer: 41</think> Answer: 42', '42'],
    ['[THINK]Answer: 41[/THINK]42', '42'],
    ['<thinking>Answer: 41</thinking>\n<answer>42</answer>', '42'],
    [
      '<|channel|>analysis<|message|>Answer: 41<|end|><|start|>assistant<|channel|>final<|message|>42<|return|>',
      '42',
    ],
  ])('reads %j as %j', (text, found) => expect(readFinalAnswer(text)).toBe(found))

  test.each([
    'Answer: nothing',
    'Answer:',
    'There are 12 apples.',
    '',
    'Answer: 12 or 13',
    'Answer: between 3 and 4',
    'Answer: 5 or more',
    'Answer: not 5',
    'Answer: 12 apples and 3 pears',
    'Answer: 2 hours and 30 minutes',
    'Answer: 1 in 4',
    'Answer: 7:30',
    'Answer: 2:1',
    'Answer: 1,2,3',
    'Answer: [3, 4]',
    'Answer: 2x',
    'Answer: A4',
    'Answer: 3!',
    'Answer: >5',
    'Answer: ±3',
    'Answer: 2 million',
    'Answer: 2020-01-02',
    'Answer: 3.14.15',
    'Answer: 1/0',
    'Answer: 0x10',
    `Answer: ${'9'.repeat(60)}`,
    '<think>maybe Answer: 42',
    'First <think>maybe Answer: 42',
    '[THINK]maybe Answer: 42',
    '<|channel|>analysis<|message|>Answer: 42',
  ])('finds no number in %j', (text) => expect(readFinalAnswer(text)).toBeUndefined())

  test('reads hostile texts in linear time', () => {
    const repeat = (text: string, count: number): string => text.repeat(count)
    const texts = ['answer****____', '\\boxed{', '####', 'Answer: ', '<think>', '9,999', '((', 'answer is 1 ']
    // A hundred times the text must not take ten thousand times the work: these would not end.
    for (const text of texts) {
      readFinalAnswer(repeat(text, 200_000))
      readFinalAnswer(`Answer: ${repeat(text, 200_000)}`)
    }
    for (const text of ['(', '-', '1 ', '1/', '{', '√', '\\frac'])
      expect(() => readFinalAnswer(`Answer: ${repeat(text, 390 / text.length)}1`)).not.toThrow()
  })
})

describe('verifyFinalAnswer', () => {
  test('compares exactly, not nearly', () => {
    expect(verifyFinalAnswer('Answer: $2.10', '2.1')).toBe(true)
    expect(verifyFinalAnswer('Answer: 0.30000000000000004', '0.3')).toBe(false)
    expect(verifyFinalAnswer('I do not know.', '$2.10')).toBe(false)
  })

  test('never accepts part of a value', () => {
    expect(verifyFinalAnswer('Answer: 3/4', '3')).toBe(false)
    expect(verifyFinalAnswer('Answer: .5', '5')).toBe(false)
    expect(verifyFinalAnswer('Answer: 10^6', '10')).toBe(false)
    expect(verifyFinalAnswer('Answer: $\\frac{1}{2}$', '1')).toBe(false)
    expect(verifyFinalAnswer('Answer: 6.02e23', '6.02')).toBe(false)
  })

  test('accepts a percentage as a number with a unit and as a share', () => {
    expect(verifyFinalAnswer('Answer: 50%', '50')).toBe(true)
    expect(verifyFinalAnswer('Answer: 50 percent', '0.5')).toBe(true)
    expect(verifyFinalAnswer('Answer: 0.5', '50 %')).toBe(true)
    expect(verifyFinalAnswer('Answer: 50', '5000 %')).toBe(true)
    expect(verifyFinalAnswer('Answer: 5%', '50%')).toBe(false)
  })

  test('verifies nothing if the known answer is not a number', () =>
    expect(verifyFinalAnswer('Answer: 3', 'a red one')).toBeUndefined())
})

interface Pair {
  readonly said: string
  readonly known: string
  readonly right: boolean
}
const readLines = <T>(path: string): T[] =>
  readFileSync(shared(path), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T) // files of known form

const CASES = 'cases/final-answers.jsonl'
const SOLUTIONS = 'peer-suites/gsm8k-model-solutions.jsonl'
const MATH = 'peer-suites/math-verify.jsonl'
const PROBLEMS = 'data/gsm8k-test.jsonl'

test.skipIf(!existsSync(shared(CASES)))('agrees with every case of the list kept next to the project', () => {
  const wrong = readLines<Pair>(CASES).filter(
    ({ said, known, right }) => (verifyFinalAnswer(said, known) ?? false) !== right,
  )
  expect(wrong).toEqual([])
})

test.skipIf(!existsSync(shared(SOLUTIONS)))(
  'agrees with GSM8K about its model solutions, with both marks',
  () => {
    const wrong = readLines<{ said: string; gold: string; right: boolean }>(SOLUTIONS).filter(
      ({ said, gold, right }) => {
        const at = said.lastIndexOf('\nA:')
        const marked = (mark: string): string =>
          at < 0 ? said : `${said.slice(0, at)}\n${mark}${said.slice(at + 3)}`
        return (
          verifyFinalAnswer(marked('Answer:'), gold) !== right ||
          verifyFinalAnswer(marked('####'), `#### ${gold}`) !== right
        )
      },
    )
    expect(wrong).toEqual([])
  },
)

test.skipIf(!existsSync(shared(PROBLEMS)))('reads the reference solutions of GSM8K', () => {
  const answers = readLines<{ answer: string }>(PROBLEMS).map(({ answer }) => answer)
  expect(answers.length).toBe(1319)
  expect(
    answers.filter(
      (answer) => verifyFinalAnswer(`Answer: ${answer.split('####')[1] ?? ''}`, answer) !== true,
    ),
  ).toEqual([])
})

test.skipIf(!existsSync(shared(MATH)))('agrees with Math-Verify about plain numbers', () => {
  const plain = readLines<{ gold: string; pred: string; expected: boolean }>(MATH).filter(({ gold }) =>
    /^\$?\s*[-−]?[\d.,]+\s*\$?$/.test(gold),
  )
  expect(plain.length).toBe(59)
  expect(
    plain.filter(({ gold, pred, expected }) => verifyFinalAnswer(`Answer: ${pred}`, gold) !== expected),
  ).toEqual([])
})
