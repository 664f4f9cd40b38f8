// Hidden states: stored as directions, brought by batches, and steps with their cosine against PyTorch's numbers.
import { describe, expect, test } from 'vitest'
import { HIDDEN_LOSSES } from '../../../src/engine/checks/hidden-claims.ts'
import { makeNumbers, worstDifference } from '../../../src/engine/checks/numbers.ts'
import {
  DISTILLING,
  HIDDEN_SHARE,
  makeHiddenRows,
  makeSmallWeights,
  makeTaughtRows,
  SMALL,
} from '../../../src/engine/checks/small.ts'
import { makeBatch, packRows, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import {
  readTraceFile,
  writeTraceHeader,
  writeTraceRow,
  type TraceHeader,
} from '../../../src/engine/training/trace-file.ts'
import { beginState, Trainer } from '../../../src/engine/training/trainer.ts'
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
      clip: 1,
      distils: { divergence, ...DISTILLING, ...(hiddenShare === undefined ? {} : { hiddenShare }) },
    },
    beginState(makeSmallWeights()),
  )
const lines = (rows: readonly PackedRow[]) => rows.map((row) => [row])

describe('steps on a teacher’s probabilities and hidden states', () => {
  test.each(['forward-kl', 'reverse-kl'] as const)(
    'with %s give the losses, norms and weights of PyTorch',
    async (divergence) => {
      const trainer = await openTrainer(HIDDEN_SHARE, divergence)
      const saved = oracle[divergence]
      for (const [i, wanted] of saved.losses.entries()) {
        const { loss, norm } = await trainer.train(
          makeBatch(lines(makeHiddenRows(i + 1)), 3, 12),
          rateOf(i + 1),
        )
        expect(Math.abs(loss - wanted) / wanted, `loss of step ${i + 1}`).toBeLessThanOrEqual(1e-3)
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

  test('the page expects those losses of other machines', () =>
    expect(HIDDEN_LOSSES).toEqual(
      oracle['forward-kl'].losses.slice(0, HIDDEN_LOSSES.length).map((loss) => Math.round(loss * 1e6) / 1e6),
    ))

  test('taken in parts, or with several rows in a line, are the same step', async () => {
    const rows = makeHiddenRows(3)
    const stepOn = async (batches: Parameters<Trainer['train']>[0]): Promise<number[]> => {
      const trainer = await openTrainer(HIDDEN_SHARE)
      const { loss, norm } = await trainer.train(batches, 1e-3)
      await trainer.release()
      return [loss, norm]
    }
    const whole = await stepOn(makeBatch(lines(rows), 3, 12))
    const countedInStep = rows.reduce((sum, row) => sum + row.tokens.length - 1 - row.from, 0)
    const parts = await stepOn(rows.map((row) => makeBatch([[row]], 1, 12, { countedInStep })))
    const packed = await stepOn(makeBatch([rows], 1, 36, { packs: true }))
    expect(worstDifference(parts, whole)).toBeLessThanOrEqual(1e-5)
    expect(worstDifference(packed, whole)).toBeLessThanOrEqual(1e-5)
  })

  test('of weight 0 are those without hidden states, bit for bit, whether a batch brings them or not', async () => {
    const weigh = async (
      hiddenShare: number | undefined,
      rows: (step: number) => PackedRow[],
    ): Promise<Float32Array> => {
      const trainer = await openTrainer(hiddenShare)
      for (let step = 1; step <= 2; step++) await trainer.train(makeBatch(lines(rows(step)), 3, 12), 1e-3)
      const { weights } = await trainer.read()
      await trainer.release()
      return weights
    }
    const plain = await weigh(undefined, makeTaughtRows)
    expect(
      Buffer.compare(Buffer.from((await weigh(0, makeHiddenRows)).buffer), Buffer.from(plain.buffer)),
    ).toBe(0)
    expect(
      Buffer.compare(
        Buffer.from((await weigh(HIDDEN_SHARE, makeHiddenRows)).buffer),
        Buffer.from(plain.buffer),
      ),
    ).not.toBe(0)
  })

  test('need states of the student’s own width', async () => {
    const trainer = await openTrainer(1)
    await expect(trainer.train(makeBatch(lines(makeTaughtRows(1)), 3, 12), 1e-3)).rejects.toThrow(
      'The batch brings no hidden states of the teacher.',
    )
    const wide = makeHiddenRows(1).map((row): PackedRow => ({
      ...row,
      teacher: { ...row.teacher!, hidden: { width: 16, directions: row.teacher!.hidden!.directions } },
    }))
    await expect(trainer.train(makeBatch(lines(wide), 3, 12), 1e-3)).rejects.toThrow(
      'The teacher’s hidden states are 16 wide and those of the student 32.',
    )
    const [one, ...others] = makeHiddenRows(1)
    expect(() =>
      makeBatch(lines([one!, ...others.map((row, i) => (i === 0 ? makeTaughtRows(1)[1]! : row))]), 3, 12),
    ).toThrow(/All rows of a batch bring hidden states of one width/)
    await trainer.release()
  })
})

test('a direction is stored to a thousandth, however large or small the vector, and nothing stays nothing', () => {
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

describe('a trace file with hidden states', () => {
  const rows = makeHiddenRows(1).map(({ teacher }) => ({
    ...teacher!,
    hidden: {
      width: 5,
      directions: teacher!
        .hidden!.directions.subarray(0, (5 * teacher!.ids.length) / teacher!.choices)
        .slice(),
    },
  }))
  const header: TraceHeader = {
    choices: 5,
    temperature: 1,
    tokenizer: { json: '{}', config: '{}' },
    rows: rows.length + 1,
    hidden: { width: 5 },
    teacher: { name: 'A', fingerprint: 'b' },
  }
  const refused = { choices: 5, ids: new Uint16Array(0), probabilities: new Float32Array(0) }
  const join = (parts: readonly Uint8Array[]): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => [...part]))
  const whole = join([writeTraceHeader(header), ...[...rows, refused].map(writeTraceRow)])

  test('is read as it was written, and goes on where it was cut', () => {
    const read = readTraceFile(whole)
    expect(read).toMatchObject({ ok: true, file: { header, wholeBytes: whole.length } })
    if (!read.ok) throw new Error(read.sentence)
    expect(read.file.rows.slice(0, -1)).toEqual(rows)
    expect(read.file.rows.at(-1)?.ids).toHaveLength(0)
    for (let end = writeTraceHeader(header).length; end < whole.length; end += 7) {
      const cut = readTraceFile(whole.subarray(0, end))
      if (!cut.ok) throw new Error(cut.sentence)
      expect(
        join([
          whole.subarray(0, cut.file.wholeBytes),
          ...[...rows, refused].slice(cut.file.rows.length).map(writeTraceRow),
        ]),
      ).toEqual(whole)
    }
  })

  test('whose states are no numbers, or whose width is none, is refused', () => {
    const broken = rows[0]!.hidden.directions.slice()
    broken[2] = 0x7e00
    expect(
      readTraceFile(
        join([
          writeTraceHeader(header),
          writeTraceRow({ ...rows[0]!, hidden: { width: 5, directions: broken } }),
        ]),
      ),
    ).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/row 1 holds hidden states that are no numbers/),
    })
    for (const width of [0, 1.5, -4, 1e9])
      expect(readTraceFile(writeTraceHeader({ ...header, hidden: { width } }))).toMatchObject({
        ok: false,
        sentence: expect.stringMatching(/its header is broken/),
      })
  })

  test('rows keep their states through packing', () => {
    const packed = packRows([{ prompt: [1], completion: [2, 3], teacher: rows[0]! }], 8)
    expect(packed.rows[0]?.teacher?.hidden).toEqual(rows[0]!.hidden)
  })
})
