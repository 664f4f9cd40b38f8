// A student of classes: it learns its labels, repeats bit for bit after a stop, learns a teacher's shares where it is told to, says what is
// the trouble with rows, answers with a label, and goes home as a folder that transformers opens (tests/oracles/class-files.py).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import { GREEDY, type CompletionResult } from '../../../src/domain/model.ts'
import type { ClassTrainSettings } from '../../../src/domain/student.ts'
import { renderStudentPrompt } from '../../../src/engine/tokenizers/student-template.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import { finalWeights } from '../../../src/engine/training/checkpoint.ts'
import { writeTraceHeader, writeTraceRow } from '../../../src/engine/training/trace-file.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { StudentWriter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { needStoredStudent } from '../../../workers/student/stored-student.ts'
import { train } from '../../../workers/student/train.ts'
import { toTeacherRow } from '../../../workers/teachers/trace-classes.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

const COLOURS = ['blue', 'green', 'red', 'yellow']
/** Labels in place of texts: the colour that a prompt names. */
const makeLabelled = (rows = makeRows(32, 8)): DatasetRow[] =>
  rows.map((row) => ({ ...row, completion: `${/ is (\w+)\./.exec(row.prompt)?.[1] ?? ''}\n` }))
const settings: ClassTrainSettings = {
  ...SETTINGS,
  loss: 'classes',
  softShare: 0,
  temperature: 1,
  labelSmoothing: 0,
  steps: 120,
  evaluateEvery: 40,
  batch: 8,
  learningRate: 0.006,
}

async function run(
  stores: MemoryStores,
  asked: ClassTrainSettings,
  stopAfter = Infinity,
): Promise<{ outcome: TrainOutcome; events: TrainEvent[] }> {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  let clock = 0
  const outcome = await train(
    { ...IDS, settings: asked, backend: 'wasm', trace: 'labels.trace' },
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

async function answer(
  stores: MemoryStores,
  prompts: readonly string[],
  which: 'before' | 'after' = 'after',
): Promise<CompletionResult[]> {
  const writer = new StudentWriter(stores, openTestRuntime)
  const results: CompletionResult[] = []
  const requests = prompts.map((content, i) => ({
    id: String(i),
    asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
    sampling: { ...GREEDY, maxTokens: 4, rngSeed: '' },
  }))
  await writer.complete(
    { ...IDS, which, requests },
    {
      signal: new AbortController().signal,
      emit: (event) => event.kind === 'completion' && results.push(event.result),
    },
  )
  await writer.close()
  return results.toSorted((a, b) => Number(a.id) - Number(b.id))
}

/** A teacher that is sure of the class after the label's, refuses the second row and would say something else in the third. */
function makeTrace(rows: readonly DatasetRow[], labels = COLOURS): Uint8Array {
  const taught = rows.filter(({ split }) => split === 'train')
  const parts = taught.map(({ completion }, i) => {
    const number = (COLOURS.indexOf(completion.trim()) + 1) % 4
    return writeTraceRow(
      toTeacherRow(
        i === 1 ? [] : COLOURS.map((_, k) => (k === number ? -0.1 : -4) - (i === 2 ? 20 : 0)),
        4,
        1,
      ),
    )
  })
  return Uint8Array.from(
    [
      writeTraceHeader({
        choices: 4,
        temperature: 1,
        labels,
        tokenizer: { json: '', config: '' },
        rows: taught.length,
      }),
      ...parts,
    ].flatMap((part) => [...part]),
  )
}

test(
  'learns the labels, tells what it learns and how many answers are wrong, and answers with a label',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(makeLabelled())
    const { outcome, events } = await run(stores, settings)
    expect(outcome).toEqual({ ending: 'finished', step: 120 })
    expect(shapeOf(events)).toMatchObject({
      classes: COLOURS,
      shape: { classes: 4 },
      remarks: ['It tells 4 classes: blue (8 rows), green (8 rows), red (8 rows), yellow (8 rows).'],
    })
    const looks = pointsOf(events).filter(({ heldOut }) => heldOut !== undefined)
    expect(looks.map(({ step }) => step)).toEqual([40, 80, 120])
    expect(events.flatMap((event) => (event.kind === 'samples' ? event.samples : [])).at(-1)?.text).toMatch(
      /^(blue|green|red|yellow), \d+ %$/,
    )
    const prompts = makeRows(32, 8).map(({ prompt }) => prompt)
    const after = await answer(stores, prompts)
    const wanted = makeLabelled().map(({ completion }) => completion.trim())
    expect(after.slice(0, 32).map(({ text, ending }) => [text, ending])).toEqual(
      wanted.slice(0, 32).map((name) => [name, 'end']),
    )
    expect(looks.at(-1)?.wrong).toBe(
      after.slice(32).filter(({ text }, i) => text !== wanted[32 + i]).length / 8,
    )
    const before = await answer(stores, prompts, 'before')
    expect(before.every(({ text }) => COLOURS.includes(text))).toBe(true)
    expect(before.map(({ text }) => text)).not.toEqual(after.map(({ text }) => text))
    expect((await answer(stores, ['word '.repeat(200)]))[0]).toMatchObject({ text: '', ending: 'aborted' })
    await expect(exportStudent({ ...IDS, format: 'gguf' }, stores)).rejects.toThrow(
      'A GGUF has no place for this student’s classes',
    )
  },
)

test(
  'stopped and taken up again ends with the very weights of one that was not',
  { timeout: 120_000 },
  async () => {
    const short = {
      ...settings,
      steps: 12,
      evaluateEvery: 4,
      dropout: 0.1,
      averaging: 0.9,
      patience: 5,
      softShare: 0.5,
      temperature: 2,
      labelSmoothing: 0.1,
    }
    const [whole, parts] = [makeMemoryStores(makeLabelled()), makeMemoryStores(makeLabelled())]
    for (const stores of [whole, parts]) stores.trace = makeTrace(makeLabelled())
    await run(whole, short)
    expect((await run(parts, short, 5)).outcome).toEqual({ ending: 'stopped', step: 5 })
    expect((await run(parts, short)).outcome).toMatchObject({ ending: 'finished', step: 12 })
    expect(hashOfBytes(parts.checkpoint as Uint8Array)).toBe(hashOfBytes(whole.checkpoint as Uint8Array))
  },
)

test(
  'learns what the teacher says where the whole share is its own, and nothing of the teacher is left out in silence',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(makeLabelled())
    stores.trace = makeTrace(makeLabelled())
    const { events } = await run(stores, { ...settings, softShare: 1 })
    const prompts = makeRows(32, 8).map(({ prompt }) => prompt)
    const expected = makeLabelled().map(
      ({ completion }) => COLOURS[(COLOURS.indexOf(completion.trim()) + 1) % 4],
    )
    const right = (await answer(stores, prompts)).filter(({ text }, i) => text === expected[i]).length
    expect(right).toBeGreaterThanOrEqual(36)
    expect(pointsOf(events).findLast(({ wrong }) => wrong !== undefined)?.wrong).toBeGreaterThan(0.8) // against the rows' own labels
    const remarks = shapeOf(events)?.remarks ?? []
    expect(remarks).toContain(
      'In 31 of 31 training rows the teacher finds another class likelier than the row’s own.',
    )
    expect(remarks.join(' ')).toContain(
      'In 1 of 31 training rows the teacher gives all classes together less than 1 %',
    )
    expect(remarks).toContain(
      '1 of 32 training rows did not fit the teacher’s context; they are learned from their own class alone.',
    )
  },
)

test(
  'a held-out row of a class that it cannot know counts as wrong, and is told',
  { timeout: 120_000 },
  async () => {
    const stores = makeMemoryStores(
      makeLabelled().map((row, i) => (i >= 36 ? { ...row, completion: 'purple' } : row)),
    )
    const { events } = await run(stores, { ...settings, steps: 4, evaluateEvery: 4 })
    expect(shapeOf(events)?.remarks).toContain(
      '4 of 8 held-out rows have a completion that no training row has: it cannot answer those rightly, and they count as wrong.',
    )
    expect(pointsOf(events).at(-1)?.wrong).toBeGreaterThanOrEqual(0.5)
  },
)

test('rows without classes, and a teacher’s file that is of others or not there, are refused with a sentence', async () => {
  await expect(
    run(makeMemoryStores(makeRows(32, 8).map((row) => ({ ...row, completion: 'red' }))), settings),
  ).rejects.toThrow('All 32 training rows are answered with “red”')
  const stores = makeMemoryStores(makeLabelled())
  const soft = { ...settings, softShare: 1 }
  await expect(run(stores, soft)).rejects.toThrow('are not stored here any more')
  stores.trace = makeTrace(makeLabelled(), ['a', 'b', 'c', 'd'])
  await expect(run(stores, soft)).rejects.toThrow('they are of other classes than this dataset’s')
})

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const hasTransformers =
  spawnSync(python, [
    '-c',
    "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('transformers')))",
  ]).status === 0
if (!hasTransformers)
  console.warn(
    `SKIPPED in part: exported classifiers are not opened by transformers: not there for ${python}. Name another Python in RETORT_PYTHON.`,
  )

test.skipIf(!hasTransformers)(
  'transformers opens the folder and gives our probabilities, one by one and in a batch',
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
      const { checkpoint, tokenizer } = await needStoredStudent(stores, IDS.projectId, IDS.studentId)
      const classifier = new Classifier(await openTestRuntime(), checkpoint.shape, finalWeights(checkpoint))
      const ids = prompts.map((content) => renderStudentPrompt(tokenizer, [{ role: 'user', content }]))
      const ours = await classifier.classify(ids)
      await classifier.release()
      expect(theirs).toMatchObject({ kind: 'LlamaForSequenceClassification', labels: COLOURS, ids })
      for (const told of [theirs.apart, theirs.together]) {
        expect(told.length).toBe(prompts.length)
        told.forEach((row, i) =>
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
