// Several teachers: draws follow the weights and are reproducible, and their mean gradient is the mixture's if the loss
// is linear.
import { describe, expect, test } from 'vitest'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { makeSmallWeights, makeTeacherRows, SMALL } from '../../../src/engine/checks/small.ts'
import type { DivergenceName } from '../../../src/engine/training/divergences/index.ts'
import { drawTeachers } from '../../../src/engine/training/draw-teachers.ts'
import { viewGroup } from '../../../src/engine/training/layout.ts'
import { makeBatch, type PackedRow, type TeacherRow } from '../../../src/engine/training/packing.ts'
import { nameIn, ruleGroups } from '../../../src/engine/training/step-state.ts'
import { buildGradientStep, sumNames } from '../../../src/engine/training/train-graph.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openSession, openTestRuntime, type Feed } from '../session.ts'

const side = (mark: number): TeacherRow => ({
  topK: 1,
  ids: Uint16Array.of(mark),
  probabilities: Float32Array.of(0.5, 0.5),
})
const row = (teachers: readonly (TeacherRow | undefined)[]): PackedRow => ({
  tokens: Int32Array.of(1, 2),
  from: 0,
  teachers,
})
const markOf = (drawn: PackedRow | undefined): number => drawn?.teacher?.ids[0] ?? -1

describe('drawTeachers', () => {
  const lines = Array.from({ length: 6000 }, () => [row([side(0), side(1), side(2)])])

  test('follows the weights', () => {
    const rng = makeRng('draws')
    const counts = [0, 0, 0]
    for (const [drawn] of drawTeachers(lines, [3, 0, 1], () => rng.next())) counts[markOf(drawn)]! += 1
    expect(counts[1]).toBe(0)
    // Four standard deviations of a binomial of 6000 at 3/4 are 134.
    expect(Math.abs((counts[0] ?? Number.NaN) - 4500)).toBeLessThanOrEqual(134)
  })

  test('is reproducible, depends on the random numbers and keeps the rest of a row', () => {
    const draw = (name: string): number[] => {
      const rng = makeRng(name)
      return drawTeachers(lines.slice(0, 200), [1, 1, 1], () => rng.next()).map(([drawn]) => markOf(drawn))
    }
    expect(draw('7/teachers/3')).toEqual(draw('7/teachers/3'))
    expect(draw('7/teachers/3')).not.toEqual(draw('7/teachers/4'))
    const { teacher, ...rest } = drawTeachers(lines.slice(0, 1), [1, 0, 0], () => 0.5)[0]![0]!
    expect(rest).toEqual(lines[0]![0])
    expect(teacher).toBe(lines[0]![0]!.teachers![0])
  })

  test('keeps the proportion of the available teachers and the draws of other rows', () => {
    const mixed = lines.map(([whole], i) => [
      i % 2 === 0 ? row([undefined, side(1), side(2)]) : (whole as PackedRow),
    ])
    const numbers = (): (() => number) => {
      const rng = makeRng('some')
      return () => rng.next()
    }
    const [partly, wholly] = [
      drawTeachers(mixed, [2, 3, 1], numbers()),
      drawTeachers(lines, [2, 3, 1], numbers()),
    ]
    const halves = partly.filter((_, i) => i % 2 === 0).map(([drawn]) => markOf(drawn))
    expect(halves).not.toContain(0)
    expect(Math.abs(halves.filter((mark) => mark === 1).length - 2250)).toBeLessThanOrEqual(
      4 * Math.sqrt(3000 * 0.75 * 0.25),
    )
    partly.forEach(([drawn], i) => i % 2 === 1 && expect(markOf(drawn)).toBe(markOf(wholly[i]![0])))
  })

  test('returns rows with one teacher unchanged and throws with none', () => {
    const plain: PackedRow = { tokens: Int32Array.of(1, 2), from: 0, teacher: side(4) }
    expect(drawTeachers([[plain]], [1], () => 0)[0]![0]).toBe(plain)
    expect(() => drawTeachers([[row([side(0), undefined])]], [0, 1], () => 0)).toThrow(
      /no soft targets of a teacher with a weight/,
    )
    expect(() => drawTeachers([[row([side(0)])]], [1, 1], () => 0)).toThrow(
      /1 teachers, and there are 2 weights/,
    )
  })
})

/** The rows of one step with two teachers that list the same tokens with different probabilities. */
function makeTwoTeacherRows(step: number): PackedRow[] {
  return makeTeacherRows(step).map((teacherRow): PackedRow => {
    const first = teacherRow.teacher as TeacherRow
    const each = first.topK + 1
    // The other one has them in reverse order for each token: still distributions.
    const probabilities = first.probabilities.map(
      (_, i) => first.probabilities[Math.floor(i / each) * each + (each - 1 - (i % each))] ?? Number.NaN,
    )
    return { ...teacherRow, teachers: [first, { ...first, probabilities }] }
  })
}

/** Computes the gradients of all parameters for a batch, in one array. */
async function openGradients(divergence: DivergenceName): Promise<{
  of: (rows: readonly PackedRow[]) => Promise<{ loss: number; gradient: Float64Array }>
  release: () => Promise<void>
}> {
  const options = {
    layout: 'separate',
    maxGradientNorm: 0,
    optimizer: 'adam-w',
    keepsAverage: false,
    drops: false,
    objective: makeDistillation({ divergence, temperature: 2, textShare: 0.25 }),
  } as const
  const session = await openSession(
    buildGradientStep(SMALL, { rows: 3, length: 12, packed: false, own: { topK: 5 } }, options),
  )
  const groups = ruleGroups(SMALL, options)
  const weights = makeSmallWeights()
  return {
    release: () => session.release(),
    async of(rows) {
      const {
        ids,
        picked,
        targets,
        weights: shares,
        teacher,
      } = makeBatch(
        rows.map((one) => [one]),
        3,
        12,
      )
      if (!teacher) throw new Error('no teacher')
      const feeds: Record<string, Feed> = {
        ids: { shape: [ids.length, 1], data: ids },
        picked: { shape: [picked.length, 1], data: picked },
        targets: { shape: [targets.length, 1], data: targets },
        weights: { shape: [shares.length, 1], data: shares },
        teacher_ids: { shape: [picked.length, 5], data: teacher.ids },
        teacher_probabilities: { shape: [picked.length, 6], data: teacher.probabilities },
      }
      for (const { group } of groups) {
        feeds[nameIn(group, 'weights')] = { shape: group.shape, data: viewGroup(group, weights).slice() }
        feeds[sumNames(group).in] = { shape: group.shape, data: new Float32Array(group.count) }
      }
      const outputs = await session.run(feeds)
      return {
        loss: Number(outputs['loss']?.data[0]),
        gradient: Float64Array.from(
          groups.flatMap(({ group }) => Array.from(outputs[sumNames(group).out]?.data ?? [], Number)),
        ),
      }
    },
  }
}

describe('the mean gradient over all draws', () => {
  const [first, second] = [0.75, 0.25]

  /**
   * The difference between the mean over the eight draws of three rows and the mixture's gradient, relative to its
   * norm.
   */
  async function compare(divergence: DivergenceName): Promise<number> {
    const gradients = await openGradients(divergence)
    const rows = makeTwoTeacherRows(2)
    const mean = new Float64Array((await gradients.of(rows)).gradient.length)
    for (let draw = 0; draw < 8; draw++) {
      const picks = rows.map((_, r) => (draw >> r) & 1)
      const probability = picks.reduce((product, pick) => product * (pick === 0 ? first : second), 1)
      let at = 0
      const drawn = drawTeachers(
        rows.map((one) => [one]),
        [3, 1],
        () => (picks[at++] === 0 ? 0.1 : 0.9),
      ).flat()
      expect(drawn.map(({ teacher }, r) => rows[r]!.teachers!.indexOf(teacher))).toEqual(picks)
      ;(await gradients.of(drawn)).gradient.forEach((value, i) => (mean[i]! += probability * value))
    }
    const mixed = rows.map((one): PackedRow => {
      const [a, b] = one.teachers as [TeacherRow, TeacherRow]
      return {
        ...one,
        teacher: {
          ...a,
          probabilities: a.probabilities.map(
            (p, i) => first * p + second * (b.probabilities[i] ?? Number.NaN),
          ),
        },
      }
    })
    const { gradient } = await gradients.of(mixed)
    await gradients.release()
    return (
      Math.hypot(...gradient.map((value, i) => value - (mean[i] ?? Number.NaN))) / Math.hypot(...gradient)
    )
  }

  test('is the gradient of the mixture with forward KL', async () =>
    expect(await compare('forward-kl')).toBeLessThanOrEqual(1e-6))
  test.each(['reverse-kl', 'jensen-shannon'] as const)(
    'differs from the gradient of the mixture with %s, which is not linear',
    async (divergence) => expect(await compare(divergence)).toBeGreaterThan(0.01),
  )
})

test('teacher weights of 1 and 0 train like the single teacher, bit for bit', async () => {
  const runtime = await openTestRuntime()
  const train = async (
    choose: (rows: readonly PackedRow[], step: number) => readonly PackedRow[],
  ): Promise<string> => {
    const trainer = new Trainer(
      runtime,
      {
        shape: SMALL,
        weightDecay: 0.1,
        maxGradientNorm: 1,
        objective: makeDistillation({ divergence: 'forward-kl', temperature: 2, textShare: 0 }),
      },
      initialState(makeSmallWeights()),
    )
    for (let step = 1; step <= 3; step++)
      await trainer.train(
        makeBatch(
          choose(makeTwoTeacherRows(step), step).map((one) => [one]),
          3,
          12,
        ),
        1e-3,
      )
    const { weights } = await trainer.read()
    await trainer.release()
    return hashOfBytes(new Uint8Array(weights.buffer))
  }
  const drawn = (shares: readonly number[]) =>
    train((rows, step) => {
      const rng = makeRng(1).fork(`teachers/${step}`)
      return drawTeachers(
        rows.map((one) => [one]),
        shares,
        () => rng.next(),
      ).flat()
    })
  const alone = await train((rows) => rows)
  expect(await drawn([1, 0])).toBe(alone)
  expect(await drawn([0, 1])).toBe(
    await train((rows) => rows.map((one) => ({ ...one, teacher: one.teachers![1]! }))),
  )
  expect(await drawn([1, 1])).not.toBe(alone)
})
