// The teacher in the box: its file is the one that was measured, its templates are those of today, and it does what its card says.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { measureBox } from '../../../src/command-line/measure-box.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { parseBoxCard, type BoxCard } from '../../../src/pipeline/box-card.ts'
import { nameOfWorld } from '../../../src/pipeline/corner-shop/documents/index.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'

const shelf = fileURLToPath(new URL('../../../public/teacher/', import.meta.url))
const readCard = (): BoxCard => {
  const card = parseBoxCard(JSON.parse(readFileSync(`${shelf}card.json`, 'utf8')))
  if (!card.ok) throw new Error(card.problems[0]?.sentence)
  return card.value
}

describe('the card', () => {
  test('is of the templates and the shop of today: a box of others has to be trained anew with `npm run box`', () =>
    expect(readCard().world).toBe(nameOfWorld()))

  test('is of the file beside it', () => {
    const { file, sha256, bytes } = readCard()
    const gguf = readFileSync(`${shelf}${file}`)
    expect(gguf.length).toBe(bytes)
    expect(createHash('sha256').update(gguf).digest('hex')).toBe(sha256)
    expect(bytes).toBeLessThan(8e6)
  })

  test('is refused with a sentence where something is missing', () => {
    const { sha256: _, ...rest } = readCard()
    expect(parseBoxCard(rest)).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringContaining('sha256') }],
    })
  })
})

describe('the file, opened on wasm', () => {
  let teacher: EngineTeacher
  beforeAll(async () => {
    const { file } = readCard()
    teacher = await openGguf(sourceFromBytes(file, new Uint8Array(readFileSync(`${shelf}${file}`))), {
      backend: 'wasm',
      contextLength: 1024,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  }, 60_000)
  afterAll(() => teacher.release())

  test('is what the card says it is', () => {
    const { fingerprint, parameters, name, licence } = readCard()
    expect(teacher.description.card).toMatchObject({
      fingerprint,
      parameters,
      name,
      licence,
      quantisation: 'F16',
    })
    expect(teacher.description.gives).toMatchObject({ chat: true, rawPrompts: true, scores: true })
  })

  test('solves, replies, judges and grows about as well as its card says', { timeout: 300_000 }, async () => {
    const { measures } = readCard()
    const found = await measureBox(
      teacher,
      { problems: 12, replies: 24, verdicts: 24, pairs: 16, requests: 4 },
      () => undefined,
    )
    // A share of a few dozen lies within three standard errors of the true one but once in some hundred times.
    const near = (
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
      near(
        part,
        measures.problems.find((whole) => whole.level === level),
      )
    for (const { temperature, ...part } of found.replies)
      near(
        part,
        measures.replies.find((whole) => whole.temperature === temperature),
      )
    for (const { rubric, replies, solutions } of found.verdicts) {
      const whole = measures.verdicts.find((verdict) => verdict.rubric === rubric)
      near(
        { right: replies.withinOne, of: replies.of },
        whole && { right: whole.replies.withinOne, of: whole.replies.of },
      )
      near(
        { right: solutions.withinOne, of: solutions.of },
        whole && { right: whole.solutions.withinOne, of: whole.solutions.of },
      )
    }
    near(
      { right: found.grown.ofShop, of: found.grown.of },
      { right: measures.grown.ofShop, of: measures.grown.of },
    )
  })
})
