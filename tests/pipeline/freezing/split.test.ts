import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rowId } from '../../../src/domain/row.ts'
import { datasetId } from '../../../src/domain/dataset.ts'
import { seedId } from '../../../src/domain/seed.ts'
import { freezeRows } from '../../../src/pipeline/freezing/freeze-rows.ts'
import { splitRows } from '../../../src/pipeline/freezing/split.ts'
import { makeRow, scored } from '../samples.ts'

const row = fc.record({
  seedId: fc.integer({ min: 0, max: 12 }).map((n) => seedId(`seed ${n}`)),
  prompt: fc.integer({ min: 0, max: 60 }).map((n) => `Prompt ${n}`),
})

test('never separates siblings by seed or prompt, and puts rows on both sides', () => {
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 80 }),
      fc.double({ min: 0.01, max: 0.5, noNaN: true }),
      fc.nat(),
      (rows, heldOut, rngSeed) => {
        const split = splitRows(rows, { heldOut }, rngSeed)
        if (!split.ok) return
        expect(split.value).toHaveLength(rows.length)
        for (const name of ['seedId', 'prompt'] as const) {
          const side = new Map<string, string>()
          rows.forEach((one, i) => {
            const key = name === 'prompt' ? one.prompt.toLowerCase() : one.seedId
            expect(side.get(key) ?? split.value[i]).toBe(split.value[i])
            side.set(key, split.value[i]!)
          })
        }
        expect(new Set(split.value)).toEqual(new Set(['train', 'held-out']))
      },
    ),
    { numRuns: 500 },
  )
})

test('splits the same rows in another order the same way', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 40 }), fc.nat(), (rows, rngSeed) => {
      const one = splitRows(rows, { heldOut: 0.2 }, rngSeed)
      const other = splitRows(rows.toReversed(), { heldOut: 0.2 }, rngSeed)
      expect(other).toEqual(
        one.ok ? { ok: true, value: one.value.toReversed() } : expect.objectContaining({ ok: false }),
      )
    }),
  )
})

test('holds out the requested share if there are many seeds', () => {
  const rows = Array.from({ length: 1000 }, (_, i) => ({ seedId: seedId(`s${i % 200}`), prompt: `p${i}` }))
  const split = splitRows(rows, { heldOut: 0.1 }, 1)
  expect(split.ok && split.value.filter((side) => side === 'held-out').length).toBe(100)
})

const refusalOf = (rows: { seedId: ReturnType<typeof seedId>; prompt: string }[]): string => {
  const split = splitRows(rows, { heldOut: 0.1 }, 1)
  return split.ok ? '' : split.problems[0]!.sentence
}

test('refuses what cannot be split with a sentence', () => {
  expect(refusalOf([])).toContain('No row was kept')
  expect(refusalOf([{ seedId: seedId('a'), prompt: 'p' }])).toContain('Only one row')
  expect(
    refusalOf([
      { seedId: seedId('a'), prompt: 'p' },
      { seedId: seedId('a'), prompt: 'q' },
    ]),
  ).toContain('one seed')
  expect(
    refusalOf([
      { seedId: seedId('a'), prompt: 'Same  prompt' },
      { seedId: seedId('b'), prompt: 'same prompt' },
    ]),
  ).toContain('the same prompt')
})

test('puts one row of two seeds on each side', () => {
  const split = splitRows(
    [
      { seedId: seedId('a'), prompt: 'p' },
      { seedId: seedId('b'), prompt: 'q' },
    ],
    { heldOut: 0.01 },
    1,
  )
  expect(split.ok && split.value.toSorted()).toEqual(['held-out', 'train'])
})

test('freezes only kept rows, in order, with a person’s edits and their scores', () => {
  const rows = [
    makeRow(2, { verdict: scored(4) }),
    makeRow(0),
    makeRow(1, { edit: { prompt: 'better prompt', completion: 'better completion', editedAt: 5 } }),
    makeRow(3, { status: 'dropped' }),
    makeRow(4, { status: 'rejected' }),
    makeRow(5, { status: 'pending' }),
  ]
  const frozen = freezeRows(rows, { heldOut: 0.3 }, 1)
  if (!frozen.ok) throw new Error(frozen.problems[0]!.sentence)
  expect(
    frozen.value.map(({ prompt, completion, editedByHand, score }) => [
      prompt,
      completion,
      editedByHand,
      score,
    ]),
  ).toEqual([
    ['prompt 0', 'completion 0', false, undefined],
    ['better prompt', 'better completion', true, undefined],
    ['prompt 2', 'completion 2', false, 4],
  ])
  const again = freezeRows(rows.toReversed(), { heldOut: 0.3 }, 1)
  expect(again.ok && datasetId(again.value)).toBe(datasetId(frozen.value))
  const other = freezeRows(rows.slice(0, 2), { heldOut: 0.3 }, 1)
  expect(other.ok && datasetId(other.value)).not.toBe(datasetId(frozen.value))
})

test('gives the rows of two equal runs equal ids, and each row of one run its own', () => {
  const frozen = [1, 2].map((run) => {
    const rows = [0, 1, 2].map((order) => makeRow(order))
    const result = freezeRows(
      rows.map((made, i) => ({
        ...made,
        id: rowId([run, i]),
        verdicts: [{ verdict: scored(3 + run * 1e-9) }],
      })),
      { heldOut: 0.4 },
      1,
    )
    if (!result.ok) throw new Error(result.problems[0]?.sentence)
    return result.value
  })
  const ids = frozen.map((rows) => rows.map(({ rowId: id }) => id))
  expect(ids[0]).toEqual(ids[1])
  expect(new Set(ids[0]).size).toBe(3)
  expect(datasetId(frozen[0] ?? [])).toBe(datasetId(frozen[1] ?? []))
})

test('gives equal rows of one run different ids', () => {
  const twin = makeRow(0)
  const frozen = freezeRows([twin, { ...twin, id: rowId('twin'), order: 1 }, makeRow(2)], { heldOut: 0.4 }, 1)
  expect(frozen.ok && new Set(frozen.value.map(({ rowId: id }) => id)).size).toBe(3)
})
