// The shop's generator against itself and against plain arithmetic: right replies pass, flaws are detected, problems are solved.
import { describe, expect, test } from 'vitest'
import { makeRng } from '../../../src/domain/rng.ts'
import { drawDocument, isHeldOut } from '../../../src/pipeline/corner-shop/documents/index.ts'
import { FLAWS } from '../../../src/pipeline/corner-shop/flaws.ts'
import { writeMoney } from '../../../src/pipeline/corner-shop/goods.ts'
import { drawItemSource } from '../../../src/pipeline/corner-shop/items.ts'
import { drawNote, noteFollows, readNote, writeNote } from '../../../src/pipeline/corner-shop/notes.ts'
import { SOLUTION_FLAWS } from '../../../src/pipeline/corner-shop/problems/flaws.ts'
import { PROBLEM_KINDS, solveProblem } from '../../../src/pipeline/corner-shop/problems/index.ts'
import { writeSolution } from '../../../src/pipeline/corner-shop/problems/problem.ts'
import {
  critiqueReply,
  drawReply,
  followsRules,
  joinParts,
  scoreReply,
} from '../../../src/pipeline/corner-shop/reply.ts'
import { drawTask, factsOf, readTask } from '../../../src/pipeline/corner-shop/task.ts'
import { verifyFinalAnswer } from '../../../src/pipeline/verifiers/final-answer.ts'

const rng = makeRng('world test')
const many = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw)
const keysOf = (task: Parameters<typeof factsOf>[0]): string[] => factsOf(task).map(({ key }) => key)

describe('customers', () => {
  test('draws right replies that follow the rules and get full scores', () => {
    for (const task of many(600, () => drawTask(rng))) {
      const reply = joinParts(drawReply(task, rng))
      expect(followsRules(task, reply), `${task.text}\n${reply}`).toBe(true)
      expect(scoreReply(task, reply)).toEqual({ helpfulness: 5, correctness: 5 })
      expect(critiqueReply(task, reply)).toBe('Nothing is wrong.')
    }
  })

  test('reads a task back from its text with the same facts, and rejects other texts', () => {
    for (const task of many(600, () => drawTask(rng))) {
      const read = readTask(task.text)
      expect(read && keysOf(read), task.text).toEqual(keysOf(task))
      expect(read?.short).toBe(task.short)
    }
    expect(readTask('Explain to a child of six why the sky is blue.')).toBeUndefined()
  })

  test('detects nearly every flaw and lowers its score', () => {
    for (const { name, write } of FLAWS) {
      if (name === 'none' || name === 'nonsense') continue
      const drawn = many(300, () => drawTask(rng)).flatMap((task) => {
        const text = write(task, rng)
        return text === undefined ? [] : [{ task, text }]
      })
      expect(drawn.length, name).toBeGreaterThan(10)
      const detected = drawn.filter(
        ({ task, text }) => !followsRules(task, text) && scoreReply(task, text).helpfulness < 5,
      )
      expect(detected.length / drawn.length, name).toBeGreaterThan(0.9)
    }
  })

  test('writes notes that contain their news', () => {
    for (const note of many(100, () => drawNote(rng))) {
      expect(readNote(note.text)).toEqual(note)
      expect(noteFollows(note, writeNote(note, rng))).toBe(true)
    }
  })
})

/** One line of a solution, checked by plain arithmetic in cents. */
function checkStep(step: string): boolean {
  const [, left, sign, right, result] =
    /^\$?(\d+(?:\.\d\d)?) ([x+-]) \$(\d+\.\d\d) = \$(\d+\.\d\d)$/.exec(step) ?? []
  const cents = (text = ''): number => Math.round(Number(text) * 100)
  const value =
    sign === 'x'
      ? Number(left) * cents(right)
      : sign === '+'
        ? cents(left) + cents(right)
        : cents(left) - cents(right)
  return result !== undefined && value === cents(result)
}

describe('word problems', () => {
  test('writes right steps, and answers that follow from the problem’s text alone', () => {
    for (const { level, draw } of PROBLEM_KINDS) {
      for (const problem of many(200, () => draw(rng))) {
        expect(problem.level).toBe(level)
        expect(problem.steps.every(checkStep), problem.steps.join('\n')).toBe(true)
        expect(solveProblem(problem.text), problem.text).toBe(problem.cents)
        expect(verifyFinalAnswer(writeSolution(problem), writeMoney(problem.cents))).toBe(true)
        expect(problem.cents).toBeGreaterThanOrEqual(0)
      }
    }
  })

  test('never ends a slip with the right answer', () => {
    const slips = SOLUTION_FLAWS.filter(({ name }) => name === 'slip' || name === 'wrong answer')
    expect(slips).toHaveLength(2)
    for (const { write } of slips) {
      for (const problem of many(200, () =>
        (PROBLEM_KINDS[rng.below(4)] as (typeof PROBLEM_KINDS)[number]).draw(rng),
      ))
        expect(verifyFinalAnswer(write(problem, rng).text, writeMoney(problem.cents))).toBe(false)
    }
  })
})

describe('isHeldOut', () => {
  test('holds out about one prompt in twenty, and never draws one for training', () => {
    const prompts = many(4000, () => drawTask(rng).text)
    const share = prompts.filter(isHeldOut).length / prompts.length
    expect(share).toBeGreaterThan(0.035)
    expect(share).toBeLessThan(0.065)
    let prompted = 0
    for (const document of many(1500, () =>
      drawDocument(rng, { items: 2, isHeldOut }, { judge: 0, compare: 0 }),
    )) {
      if (document.kind !== 'chat') continue
      for (const { role, content } of document.messages) {
        if (role !== 'user') continue
        const [prompt = ''] = content.split('\n') // the instruction to show steps is on a separate line
        if (
          !/^[^:]*(?:\.|\?|"[^"]*"[^:]*)$/.test(prompt) ||
          (readTask(prompt) ?? solveProblem(prompt)) === undefined
        )
          continue
        prompted++
        expect(isHeldOut(prompt), prompt).toBe(false)
      }
    }
    expect(prompted).toBeGreaterThan(500)
  })

  test('allows drawing only held-out prompts, for evaluation', () => {
    for (let i = 0; i < 20; i++)
      expect(isHeldOut(drawItemSource(rng, (text) => !isHeldOut(text)).prompt)).toBe(true)
  })
})
