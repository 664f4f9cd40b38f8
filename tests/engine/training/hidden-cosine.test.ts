// Hidden states: stored as directions, packed into batches, and steps with their cosine loss against PyTorch's numbers.
import { describe, expect, test } from 'vitest'
import { HIDDEN_LOSSES } from '../../../src/engine/checks/hidden-claims.ts'
import { makeNumbers, worstDifference } from '../../../src/engine/checks/numbers.ts'
import {
  DISTILLING,
  HIDDEN_SHARE,
  makeHiddenRows,
  makeSmallWeights,
  makeTeacherRows,
  SMALL,
} from '../../../src/engine/checks/small.ts'
import { makeBatch, packRows, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import {
  readSoftTargetFile,
  writeSoftTargetHeader,
  writeSoftTargetRow,
  type SoftTargetHeader,
} from '../../../src/engine/training/soft-target-file.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { readDirection, storeDirection } from '../../../src/engine/weights/directions.ts'
import oracle from '../../oracles/hidden-cosine.json'
import { openTestRuntime } from '../session.ts'

const rateOf = (step: number): number => learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 })
const openTrainer = async (
  hiddenShare?: number,
  divergence: 'forward-kl' | 'reverse-kl' = 'forward-kl',
): Promise<Trainer> =>
  new Trainer(
    await openTestRuntime(),
    {
      shape: SMALL,
      weightDecay: 0.1,
      maxGradientNorm: 1,
      objective: makeDistillation({
        divergence,
        ...DISTILLING,
        ...(hiddenShare === undefined ? {} : { hiddenShare }),
      }),
    },
    initialState(makeSmallWeights()),
  )
const lines = (rows: readonly PackedRow[]) => rows.map((row) => [row])

describe('steps on a teacher’s probabilities and hidden states', () => {
  test.each(['forward-kl', 'reverse-kl'] as const)(
    'with %s give the losses, norms and weights of PyTorch',
    async (divergence) => {
      const trainer = await openTrainer(HIDDEN_SHARE, divergence)
      const saved = oracle[divergence]
      for (const [i, expected] of saved.losses.entries()) {
        const { loss, norm } = await trainer.train(
          makeBatch(lines(makeHiddenRows(i + 1)), 3, 12),
          rateOf(i + 1),
        )
        expect(Math.abs(loss - expected) / expected, `loss of step ${i + 1}`).toBeLessThanOrEqual(1e-3)
        expect(
          Math.abs(norm - (saved.norms[i] ?? Number.NaN)) / norm,
          `norm of step ${i + 1}`,
        ).toBeLessThanOrEqual(1e-2)
      }
      const views = viewParameters(listParameters(SMALL), (await trainer.read()).weights)
      for (const [theirs, ours] of [
        ['embedding', 'embedding'],
        ['1.qkv', 'layer 1 qkv'],
        ['1.down', 'layer 1 down'],
        ['norm', 'final norm'],
      ] as const) {
        expect(
          worstDifference(views.get(ours)?.subarray(0, 8) ?? [], saved.final[theirs]),
          ours,
        ).toBeLessThanOrEqual(2e-3)
      }
      await trainer.release()
    },
  )

  test('have the losses that the self-check expects', () =>
    expect(HIDDEN_LOSSES).toEqual(
      oracle['forward-kl'].losses.slice(0, HIDDEN_LOSSES.length).map((loss) => Math.round(loss * 1e6) / 1e6),
    ))

  test('are the same with gradient accumulation and with packed rows', async () => {
    const rows = makeHiddenRows(3)
    const stepOn = async (batches: Parameters<Trainer['train']>[0]): Promise<number[]> => {
      const trainer = await openTrainer(HIDDEN_SHARE)
      const { loss, norm } = await trainer.train(batches, 1e-3)
      await trainer.release()
      return [loss, norm]
    }
    const atOnce = await stepOn(makeBatch(lines(rows), 3, 12))
    const countedInStep = rows.reduce((sum, row) => sum + row.tokens.length - 1 - row.from, 0)
    const accumulated = await stepOn(rows.map((row) => makeBatch([[row]], 1, 12, { countedInStep })))
    const packed = await stepOn(makeBatch([rows], 1, 36, { packs: true }))
    expect(worstDifference(accumulated, atOnce)).toBeLessThanOrEqual(1e-5)
    expect(worstDifference(packed, atOnce)).toBeLessThanOrEqual(1e-5)
  })

  test('with weight 0 equal steps without hidden states bit for bit', async () => {
    const trainWith = async (
      hiddenShare: number | undefined,
      rows: (step: number) => PackedRow[],
    ): Promise<Float32Array> => {
      const trainer = await openTrainer(hiddenShare)
      for (let step = 1; step <= 2; step++) await trainer.train(makeBatch(lines(rows(step)), 3, 12), 1e-3)
      const { weights } = await trainer.read()
      await trainer.release()
      return weights
    }
    const plain = await trainWith(undefined, makeTeacherRows)
    expect(
      Buffer.compare(Buffer.from((await trainWith(0, makeHiddenRows)).buffer), Buffer.from(plain.buffer)),
    ).toBe(0)
    expect(
      Buffer.compare(
        Buffer.from((await trainWith(HIDDEN_SHARE, makeHiddenRows)).buffer),
        Buffer.from(plain.buffer),
      ),
    ).not.toBe(0)
  })

  test('need hidden states of the student’s width', async () => {
    const trainer = await openTrainer(1)
    await expect(trainer.train(makeBatch(lines(makeTeacherRows(1)), 3, 12), 1e-3)).rejects.toThrow(
      'The batch has no hidden states of the teacher.',
    )
    const wide = makeHiddenRows(1).map((row): PackedRow => ({
      ...row,
      teacher: { ...row.teacher!, hidden: { width: 16, directions: row.teacher!.hidden!.directions } },
    }))
    await expect(trainer.train(makeBatch(lines(wide), 3, 12), 1e-3)).rejects.toThrow(
      'The teacher’s hidden states have width 16, the student’s 32.',
    )
    const [one, ...others] = makeHiddenRows(1)
    expect(() =>
      makeBatch(lines([one!, ...others.map((row, i) => (i === 0 ? makeTeacherRows(1)[1]! : row))]), 3, 12),
    ).toThrow(/Either all rows of a batch have hidden states of one width/)
    await trainer.release()
  })
})

test('storeDirection keeps the direction of large and small vectors and keeps zero vectors', () => {
  const width = 48
  for (const scale of [1e-20, 1e-3, 1, 1e5, 1e15]) {
    const vector = makeNumbers(width, 3, scale)
    const [halves, back] = [new Uint16Array(2 * width), new Float32Array(2 * width)]
    storeDirection(vector, 0, width, halves, width)
    readDirection(halves, width, width, back, width)
    const dot = vector.reduce((sum, x, i) => sum + x * (back[width + i] ?? Number.NaN), 0)
    expect(1 - dot / (Math.hypot(...vector) * Math.hypot(...back))).toBeLessThanOrEqual(1e-6)
    expect(Math.abs(Math.hypot(...back) - Math.sqrt(width))).toBeLessThanOrEqual(1e-2)
  }
  const halves = new Uint16Array(width).fill(7)
  storeDirection(new Float32Array(width), 0, width, halves, 0)
  expect(halves.every((half) => half === 0)).toBe(true)
})

describe('a soft-target file with hidden states', () => {
  const rows = makeHiddenRows(1).map(({ teacher }) => ({
    ...teacher!,
    hidden: {
      width: 5,
      directions: teacher!.hidden!.directions.subarray(0, (5 * teacher!.ids.length) / teacher!.topK).slice(),
    },
  }))
  const header: SoftTargetHeader = {
    topK: 5,
    temperature: 1,
    tokenizer: { json: '{}', config: '{}' },
    rows: rows.length + 1,
    hidden: { width: 5 },
    teacher: { name: 'A', fingerprint: 'b' },
  }
  const refused = { topK: 5, ids: new Uint16Array(0), probabilities: new Float32Array(0) }
  const join = (parts: readonly Uint8Array[]): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => [...part]))
  const whole = join([writeSoftTargetHeader(header), ...[...rows, refused].map(writeSoftTargetRow)])

  test('is read as it was written and resumes after truncation', () => {
    const read = readSoftTargetFile(whole)
    expect(read).toMatchObject({ ok: true, file: { header, wholeBytes: whole.length } })
    if (!read.ok) throw new Error(read.sentence)
    expect(read.file.rows.slice(0, -1)).toEqual(rows)
    expect(read.file.rows.at(-1)?.ids).toHaveLength(0)
    for (let end = writeSoftTargetHeader(header).length; end < whole.length; end += 7) {
      const cut = readSoftTargetFile(whole.subarray(0, end))
      if (!cut.ok) throw new Error(cut.sentence)
      expect(
        join([
          whole.subarray(0, cut.file.wholeBytes),
          ...[...rows, refused].slice(cut.file.rows.length).map(writeSoftTargetRow),
        ]),
      ).toEqual(whole)
    }
  })

  test('is refused with states that are not numbers or an invalid width', () => {
    const broken = rows[0]!.hidden.directions.slice()
    broken[2] = 0x7e00
    expect(
      readSoftTargetFile(
        join([
          writeSoftTargetHeader(header),
          writeSoftTargetRow({ ...rows[0]!, hidden: { width: 5, directions: broken } }),
        ]),
      ),
    ).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/row 1 contains hidden states that are not finite numbers/),
    })
    for (const width of [0, 1.5, -4, 1e9])
      expect(readSoftTargetFile(writeSoftTargetHeader({ ...header, hidden: { width } }))).toMatchObject({
        ok: false,
        sentence: expect.stringMatching(/its header is broken/),
      })
  })

  test('keeps its hidden states through packRows', () => {
    const packed = packRows([{ prompt: [1], completion: [2, 3], teacher: rows[0]! }], 8)
    expect(packed.rows[0]?.teacher?.hidden).toEqual(rows[0]!.hidden)
  })
})
