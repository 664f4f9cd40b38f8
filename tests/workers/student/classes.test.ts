// A classification student: it learns its labels, resumes bit for bit after a stop, learns a teacher's soft labels, reports problems with rows,
// completes with a label, and is exported as a folder that transformers opens (tests/oracles/class-files.py).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { renderStudentPrompt } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import { finalWeights } from '../../../src/engine/training/checkpoint.ts'
import { writeSoftTargetHeader, writeSoftTargetRow } from '../../../src/engine/training/soft-target-file.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { StudentCompleter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { requireStoredStudent } from '../../../workers/student/stored-student.ts'
import { train } from '../../../workers/student/train.ts'
import { toTeacherRow } from '../../../workers/teachers/class-soft-targets.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

const COLOURS = ['blue', 'green', 'red', 'yellow']
/** Labels instead of texts: the colour that a prompt names. */
const makeLabelled = (rows = makeRows(32, 8)): DatasetRow[] =>
  rows.map((row) => ({ ...row, completion: `${/ is (\w+)\./.exec(row.prompt)?.[1] ?? ''}\n` }))
const settings: TrainSettings = {
  ...SETTINGS,
  loss: 'classes',
  softShare: 0,
  temperature: 1,
  labelSmoothing: 0,
  steps: 120,
  evaluateEvery: 40,
  batchSize: 8,
  learningRate: 0.006,
}

async function run(
  stores: MemoryStores,
  trainSettings: TrainSettings,
  stopAfter = Infinity,
): Promise<{ outcome: TrainOutcome; events: TrainEvent[] }> {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  let clock = 0
  const outcome = await train(
    { ...IDS, settings: trainSettings, backend: 'wasm', softTargets: 'labels.trace' },
    {
      signal: controller.signal,
      emit: (event) => {
        events.push(event)
        if (event.kind === 'step' && event.point.step >= stopAfter) controller.abort()
      },
    },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { outcome, events }
}
const pointsOf = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => (event.kind === 'step' ? [event.point] : []))
const shapeOf = (events: readonly TrainEvent[]) => events.find((event) => event.kind === 'shape')

async function complete(
  stores: MemoryStores,
  prompts: readonly string[],
  which: 'before' | 'after' = 'after',
): Promise<CompletionResult[]> {
  const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
  const results: CompletionResult[] = []
  const requests = prompts.map((content, i) => ({
    id: String(i),
    input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
    sampling: { ...GREEDY, maxTokens: 4, rngSeed: '' },
  }))
  await completer.complete(
    { ...IDS, which, requests },
    {
      signal: new AbortController().signal,
      emit: (event) => event.kind === 'completion' && results.push(event.result),
    },
  )
  await completer.close()
  return results.toSorted((a, b) => Number(a.id) - Number(b.id))
}

/** A teacher that is sure of the class after the label's, skips the second row and puts little mass on all classes in the third. */
function makeSoftTargets(rows: readonly DatasetRow[], labels = COLOURS): Uint8Array {
  const trainRows = rows.filter(({ split }) => split === 'train')
  const parts = trainRows.map(({ completion }, i) => {
    const number = (COLOURS.indexOf(completion.trim()) + 1) % 4
    return writeSoftTargetRow(
      toTeacherRow(
        i === 1 ? [] : COLOURS.map((_, k) => (k === number ? -0.1 : -4) - (i === 2 ? 20 : 0)),
        4,
        1,
      ),
    )
  })
  return Uint8Array.from(
    [
      writeSoftTargetHeader({
        topK: 4,
        temperature: 1,
        labels,
        tokenizer: { json: '', config: '' },
        rows: trainRows.length,
      }),
      ...parts,
    ].flatMap((part) => [...part]),
  )
}

test(
  'learns the labels, reports its classes and error rate, and completes with a label',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(makeLabelled())
    const { outcome, events } = await run(stores, settings)
    expect(outcome).toMatchObject({ outcome: 'finished', step: 120 })
    expect(shapeOf(events)).toMatchObject({
      classes: COLOURS,
      shape: { classes: 4 },
      notes: [
        'The student distinguishes 4 classes: blue (8 rows), green (8 rows), red (8 rows), yellow (8 rows).',
      ],
    })
    const evaluations = pointsOf(events).filter(({ heldOut }) => heldOut !== undefined)
    expect(evaluations.map(({ step }) => step)).toEqual([40, 80, 120])
    expect(events.flatMap((event) => (event.kind === 'samples' ? event.samples : [])).at(-1)?.text).toMatch(
      /^(blue|green|red|yellow), \d+ %$/,
    )
    const prompts = makeRows(32, 8).map(({ prompt }) => prompt)
    const after = await complete(stores, prompts)
    const wanted = makeLabelled().map(({ completion }) => completion.trim())
    expect(after.slice(0, 32).map(({ text, finishReason }) => [text, finishReason])).toEqual(
      wanted.slice(0, 32).map((name) => [name, 'end']),
    )
    expect(evaluations.at(-1)?.errorRate).toBe(
      after.slice(32).filter(({ text }, i) => text !== wanted[32 + i]).length / 8,
    )
    const before = await complete(stores, prompts, 'before')
    expect(before.every(({ text }) => COLOURS.includes(text))).toBe(true)
    expect(before.map(({ text }) => text)).not.toEqual(after.map(({ text }) => text))
    expect((await complete(stores, ['word '.repeat(200)]))[0]).toMatchObject({
      text: '',
      finishReason: 'aborted',
    })
    await expect(exportStudent({ ...IDS, format: 'gguf' }, stores)).rejects.toThrow(
      'A GGUF cannot store this student’s classes',
    )
  },
)

test('ends with the same checkpoint after a stop and resume as without', { timeout: 120_000 }, async () => {
  const short = {
    ...settings,
    steps: 12,
    evaluateEvery: 4,
    dropout: 0.1,
    emaDecay: 0.9,
    patience: 5,
    softShare: 0.5,
    temperature: 2,
    labelSmoothing: 0.1,
  }
  const [whole, parts] = [makeMemoryStores(makeLabelled()), makeMemoryStores(makeLabelled())]
  for (const stores of [whole, parts]) stores.softTargets = makeSoftTargets(makeLabelled())
  await run(whole, short)
  expect((await run(parts, short, 5)).outcome).toEqual({ outcome: 'stopped', step: 5 })
  expect((await run(parts, short)).outcome).toMatchObject({ outcome: 'finished', step: 12 })
  expect(hashOfBytes(parts.checkpoint as Uint8Array)).toBe(hashOfBytes(whole.checkpoint as Uint8Array))
})

test(
  'learns only the teacher’s labels with a soft share of 1, and notes every problem with the teacher’s probabilities',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(makeLabelled())
    stores.softTargets = makeSoftTargets(makeLabelled())
    const { events } = await run(stores, { ...settings, softShare: 1 })
    const prompts = makeRows(32, 8).map(({ prompt }) => prompt)
    const expected = makeLabelled().map(
      ({ completion }) => COLOURS[(COLOURS.indexOf(completion.trim()) + 1) % 4],
    )
    const right = (await complete(stores, prompts)).filter(({ text }, i) => text === expected[i]).length
    expect(right).toBeGreaterThanOrEqual(36)
    expect(pointsOf(events).findLast(({ errorRate }) => errorRate !== undefined)?.errorRate).toBeGreaterThan(
      0.8,
    ) // against the rows' own labels
    const notes = shapeOf(events)?.notes ?? []
    expect(notes).toContain('In 31 of 31 training rows the teacher’s most likely class is not the row’s own.')
    expect(notes.join(' ')).toContain(
      'In 1 of 31 training rows the teacher’s probabilities of all classes sum to less than 1 %',
    )
    expect(notes).toContain(
      '1 of 32 training rows did not fit the teacher’s context; the student learns them from their own class alone.',
    )
  },
)

test('counts held-out rows of an unknown class as wrong and notes it', { timeout: 120_000 }, async () => {
  const stores = makeMemoryStores(
    makeLabelled().map((row, i) => (i >= 36 ? { ...row, completion: 'purple' } : row)),
  )
  const { events } = await run(stores, { ...settings, steps: 4, evaluateEvery: 4 })
  expect(shapeOf(events)?.notes).toContain(
    '4 of 8 held-out rows have a completion that no training row has: the student cannot get those right, and they count as wrong.',
  )
  expect(pointsOf(events).at(-1)?.errorRate).toBeGreaterThanOrEqual(0.5)
})

test('refuses rows without classes and soft targets that are missing or of other classes', async () => {
  await expect(
    run(makeMemoryStores(makeRows(32, 8).map((row) => ({ ...row, completion: 'red' }))), settings),
  ).rejects.toThrow('All 32 training rows have the completion “red”')
  const stores = makeMemoryStores(makeLabelled())
  const soft = { ...settings, softShare: 1 }
  await expect(run(stores, soft)).rejects.toThrow('are no longer stored')
  stores.softTargets = makeSoftTargets(makeLabelled(), ['a', 'b', 'c', 'd'])
  await expect(run(stores, soft)).rejects.toThrow('their classes are not those of this dataset')
})

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const hasTransformers =
  spawnSync(python, [
    '-c',
    "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('transformers')))",
  ]).status === 0
if (!hasTransformers)
  console.warn(
    `SKIPPED in part: exported classifiers are not opened by transformers (not installed for ${python}). Name another Python in RETORT_PYTHON.`,
  )

test.skipIf(!hasTransformers)(
  'gets the same probabilities in transformers, one by one and in a batch',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(makeLabelled())
    await run(stores, { ...settings, steps: 30, evaluateEvery: 30 })
    const {
      value: { files },
    } = await exportStudent({ ...IDS, format: 'huggingface' }, stores)
    expect(files.map(({ name }) => name)).toEqual([
      'model.safetensors',
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const prompts = [
      ...makeRows(8, 0).map(({ prompt }) => prompt),
      'red',
      'Que\u0301 color?  \n\t 東京 🙂 is it not a very long prompt',
    ]
    const folder = mkdtempSync(join(tmpdir(), 'retort-classes-'))
    try {
      for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes)
      const script = fileURLToPath(new URL('../../oracles/class-files.py', import.meta.url))
      const ran = spawnSync(python, [script, folder], {
        input: JSON.stringify({ prompts }),
        encoding: 'utf8',
        maxBuffer: 1e8,
      })
      expect(ran.status, ran.stderr).toBe(0)
      const theirs: {
        kind: string
        labels: string[]
        ids: number[][]
        apart: number[][]
        together: number[][]
      } = JSON.parse(ran.stdout)
      const { checkpoint, tokenizer } = await requireStoredStudent(stores, IDS.projectId, IDS.studentId)
      const classifier = new Classifier(await openTestRuntime(), checkpoint.shape, finalWeights(checkpoint))
      const ids = prompts.map((content) => renderStudentPrompt(tokenizer, [{ role: 'user', content }]))
      const ours = await classifier.classify(ids)
      await classifier.release()
      expect(theirs).toMatchObject({ kind: 'LlamaForSequenceClassification', labels: COLOURS, ids })
      for (const rows of [theirs.apart, theirs.together]) {
        expect(rows.length).toBe(prompts.length)
        rows.forEach((row, i) =>
          row.forEach((one, k) =>
            expect(Math.abs(one - (ours[i]?.[k] ?? Number.NaN)), `prompt ${i}`).toBeLessThanOrEqual(1e-4),
          ),
        )
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
