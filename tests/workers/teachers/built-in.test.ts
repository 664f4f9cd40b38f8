// The built-in teacher: its file is the measured one, its templates are current, and it performs as its card states.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { measureBuiltInTeacher } from '../../../src/command-line/measure-built-in-teacher.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import {
  parseBuiltInTeacherCard,
  type BuiltInTeacherCard,
} from '../../../src/pipeline/built-in-teacher-card.ts'
import { nameOfWorld } from '../../../src/pipeline/corner-shop/documents/index.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'

const folder = fileURLToPath(new URL('../../../public/teacher/', import.meta.url))
const readCard = (): BuiltInTeacherCard => {
  const card = parseBuiltInTeacherCard(JSON.parse(readFileSync(`${folder}card.json`, 'utf8')))
  if (!card.ok) throw new Error(card.problems[0]?.sentence)
  return card.value
}

describe('the card of the built-in teacher', () => {
  test('matches the current templates and texts (otherwise train again: `npm run built-in-teacher`)', () =>
    expect(readCard().world).toBe(nameOfWorld()))

  test('matches the file next to it', () => {
    const { file, sha256, bytes } = readCard()
    const gguf = readFileSync(`${folder}${file}`)
    expect(gguf.length).toBe(bytes)
    expect(createHash('sha256').update(gguf).digest('hex')).toBe(sha256)
    expect(bytes).toBeLessThan(8e6)
  })

  test('is refused with a sentence if a field is missing', () => {
    const { sha256: _, ...rest } = readCard()
    expect(parseBuiltInTeacherCard(rest)).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringContaining('sha256') }],
    })
  })
})

describe('the built-in teacher on wasm', () => {
  let teacher: EngineTeacher
  beforeAll(async () => {
    const { file } = readCard()
    teacher = await openGguf(sourceFromBytes(file, new Uint8Array(readFileSync(`${folder}${file}`))), {
      backend: 'wasm',
      contextLength: 1024,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  }, 60_000)
  afterAll(() => teacher.release())

  test('matches its card', () => {
    const { fingerprint, parameters, name, licence } = readCard()
    expect(teacher.description.card).toMatchObject({
      fingerprint,
      parameters,
      name,
      licence,
      quantisation: 'F16',
    })
    expect(teacher.description.capabilities).toMatchObject({ chat: true, rawPrompts: true, scores: true })
  })

  test(
    'solves, replies, judges and grows prompts about as well as its card states',
    { timeout: 300_000 },
    async () => {
      const { measures } = readCard()
      const found = await measureBuiltInTeacher(
        teacher,
        { problems: 12, replies: 24, verdicts: 24, pairs: 16, requests: 4 },
        () => undefined,
      )
      // A share of a few dozen is within three standard errors of the true one except once in some hundred times.
      const expectNear = (
        part: { right: number; of: number },
        whole: { right: number; of: number } | undefined,
      ): void => {
        if (whole === undefined) return expect.fail('the card does not have this measure')
        const share = whole.right / whole.of
        expect(part.right / part.of).toBeGreaterThan(
          share - 3 * Math.sqrt(Math.max(share * (1 - share), 0.02) / part.of),
        )
      }
      for (const { level, ...part } of found.problems)
        expectNear(
          part,
          measures.problems.find((whole) => whole.level === level),
        )
      for (const { temperature, ...part } of found.replies)
        expectNear(
          part,
          measures.replies.find((whole) => whole.temperature === temperature),
        )
      for (const { rubric, replies, solutions } of found.verdicts) {
        const whole = measures.verdicts.find((verdict) => verdict.rubric === rubric)
        expectNear(
          { right: replies.withinOne, of: replies.of },
          whole && { right: whole.replies.withinOne, of: whole.replies.of },
        )
        expectNear(
          { right: solutions.withinOne, of: solutions.of },
          whole && { right: whole.solutions.withinOne, of: whole.solutions.of },
        )
      }
      expectNear(
        { right: found.grown.ofShop, of: found.grown.of },
        { right: measures.grown.ofShop, of: measures.grown.of },
      )
    },
  )
})
