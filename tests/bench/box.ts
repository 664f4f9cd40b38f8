// Knows: what students learn from the teacher in the box in a bounded time: word problems of four levels, answered by the teacher,
// proved right, trained on, and asked of all on problems that none of them saw. Runs natively, on onnxruntime-node.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadNative } from '../../src/command-line/load-native.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { contentId, freshId, type StudentId } from '../../src/domain/id.ts'
import { GREEDY, type CompletionRequest, type CompletionResult } from '../../src/domain/model.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import {
  countParameters,
  type CommonTrainSettings,
  type StudentPreset,
  type TrainSettings,
} from '../../src/domain/student.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { writeTraceHeader, writeTraceRow } from '../../src/engine/training/trace-file.ts'
import { sourceFromBytes } from '../../src/engine/weights/source.ts'
import { isHeldOut } from '../../src/pipeline/corner-shop/documents/index.ts'
import { writeMoney } from '../../src/pipeline/corner-shop/goods.ts'
import { PROBLEM_KINDS } from '../../src/pipeline/corner-shop/problems/index.ts'
import type { Problem, ProblemKind } from '../../src/pipeline/corner-shop/problems/problem.ts'
import { verifyFinalAnswer } from '../../src/pipeline/verifiers/final-answer.ts'
import type { BorrowedTeacher } from '../../workers/student/borrowed-teacher.ts'
import { StudentWriter } from '../../workers/student/complete.ts'
import { raiseLeast } from '../../workers/student/read-taught.ts'
import { train } from '../../workers/student/train.ts'
import type { EngineTeacher } from '../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../workers/teachers/gguf.ts'
import { makeAnswerTracer } from '../../workers/teachers/lend.ts'
import { shareVocabulary, traceRows } from '../../workers/teachers/trace.ts'
import { IDS, makeMemoryStores } from '../workers/student/memory-stores.ts'
import type { Measured, PartAnswer } from './measure.ts'

const THREADS = 2
/** Problems that the teacher answers for the students to learn from, over all levels; and those asked of all, of each level. */
const LEARNED = 1500
const ASKED = 200
const MOST_TOKENS = 160
const CHOICES = 16
/** Five minutes of training in all, so many seconds for each student: the schedule is of whole runs, the seconds are the bound. */
const SECONDS_A_STUDENT = 75

const BOX = fileURLToPath(new URL('../../public/teacher', import.meta.url))
const signal = new AbortController().signal

/** What all students have in common: the page's defaults, but for the steps, the rate and the batch. */
const COMMON = {
  context: 192,
  batch: 16,
  accumulate: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'muon',
  learningRate: 0.005,
  schedule: 'cosine',
  warmUp: 0.05,
  weightDecay: 0.1,
  clip: 1,
  dropout: 0,
  averaging: 0,
  patience: 0,
  evaluateEvery: 10_000,
  rngSeed: 1,
} as const satisfies Omit<CommonTrainSettings, 'preset' | 'steps'>

interface Pupil {
  readonly name: string
  readonly settings: TrainSettings
}
const byText = (preset: StudentPreset, steps: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'teacher-text',
  vocabulary: 1024,
  labelSmoothing: 0,
})
const byProbabilities = (preset: StudentPreset, steps: number, textShare: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'forward-kl',
  temperature: 1,
  choices: CHOICES,
  textShare,
})
/** Half as many steps take about as long as those on texts alone. */
const byOwnAnswers = (preset: StudentPreset, steps: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'on-policy',
  divergence: 'forward-kl',
  lambda: 0.5,
  ownFrom: 0.3,
  temperature: 1,
  choices: CHOICES,
  answerTokens: 96,
  answerTemperature: 1,
})
const PUPILS: readonly Pupil[] = [
  { name: 'micro, texts, vocabulary of its own', settings: byText('micro', 1200) },
  { name: 'small, texts, vocabulary of its own', settings: byText('small', 600) },
  { name: 'small, texts, the teacher’s vocabulary', settings: byProbabilities('small', 600, 1) },
  { name: 'small, forward KL, the teacher’s vocabulary', settings: byProbabilities('small', 600, 0) },
  {
    name: 'small, own answers and texts (λ 0.5, forward KL), as many seconds',
    settings: byOwnAnswers('small', 300),
  },
]

/** Different problems of a level, of those that the teacher's own training saw or of those that it did not. */
function drawProblems({ level, draw }: ProblemKind, count: number, heldOut: boolean): Problem[] {
  const rng = makeRng(`bench/box/${level}/${heldOut ? 'asked' : 'learned'}`)
  const drawn = new Map<string, Problem>()
  while (drawn.size < count) {
    const problem = draw(rng)
    if (isHeldOut(problem.text) === heldOut) drawn.set(problem.text, problem)
  }
  return [...drawn.values()]
}

const isRight = (problem: Problem, text: string): boolean =>
  verifyFinalAnswer(text, writeMoney(problem.cents)) === true

const requestsOf = (problems: readonly Problem[]): CompletionRequest[] =>
  problems.map(({ text: content }, i) => ({
    id: String(i),
    asked: { kind: 'chat', messages: [{ role: 'user', content }] },
    sampling: { ...GREEDY, maxTokens: MOST_TOKENS, rngSeed: String(i) },
  }))

async function askTeacher(teacher: EngineTeacher, problems: readonly Problem[]): Promise<string[]> {
  const texts: string[] = []
  const onResult = ({ id, text }: CompletionResult): void => void (texts[Number(id)] = text)
  await teacher.complete(requestsOf(problems), { signal, onProgress: () => undefined, onResult })
  return texts
}

/** The rows that the teacher got right, in an order of no level. */
async function writeRows(teacher: EngineTeacher): Promise<DatasetRow[]> {
  const problems = PROBLEM_KINDS.flatMap((kind) => drawProblems(kind, LEARNED / PROBLEM_KINDS.length, false))
  const texts = await askTeacher(teacher, problems)
  const rows = problems.flatMap((problem, i): DatasetRow[] => {
    const completion = (texts[i] ?? '').trim()
    return isRight(problem, completion)
      ? [
          {
            rowId: contentId('row', i),
            seedId: contentId('seed', i),
            split: 'train',
            system: '',
            prompt: problem.text,
            completion,
            editedByHand: false,
          },
        ]
      : []
  })
  return shuffle(rows, makeRng('bench/box/order'))
}

/** The file of the teacher's probabilities along the rows. */
async function writeTrace(teacher: EngineTeacher, rows: readonly DatasetRow[]): Promise<Uint8Array> {
  const shared = shareVocabulary(teacher.tokenizer, rows)
  const traced = await traceRows(
    teacher,
    rows,
    shared,
    { choices: CHOICES, temperature: 1, among: shared.among },
    signal,
  )
  return new Uint8Array(
    await new Blob([
      writeTraceHeader({ choices: CHOICES, temperature: 1, tokenizer: shared.files, rows: rows.length }),
      ...traced.map(writeTraceRow),
    ]).arrayBuffer(),
  )
}

interface Graduate {
  readonly name: string
  readonly how: string
  /** Right answers of each level. */
  readonly right: readonly number[]
}

async function teach(
  { name, settings }: Pupil,
  runtime: Runtime,
  rows: DatasetRow[],
  trace: Uint8Array,
  asked: readonly (readonly Problem[])[],
  lent: BorrowedTeacher,
): Promise<Graduate> {
  const stores = Object.assign(makeMemoryStores(rows), { trace })
  const studentId = freshId('student') as StudentId // an id of that kind, freshly made
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), SECONDS_A_STUDENT * 1000)
  const from = performance.now()
  let about = ''
  const outcome = await train(
    { ...IDS, studentId, settings, trace: 'box.trace', backend: 'wasm' },
    {
      signal: stop.signal,
      emit: (event) => {
        if (event.kind === 'shape')
          about = `${(countParameters(event.shape) / 1e6).toFixed(2)} M parameters, vocabulary of ${event.shape.vocabulary}`
      },
    },
    { stores, openRuntime: async () => runtime, now: () => performance.now(), teacher: lent },
  )
  clearTimeout(timer)
  const seconds = Math.round((performance.now() - from) / 1000)
  const writer = new StudentWriter(stores, async () => runtime)
  const right: number[] = []
  for (const problems of asked) {
    let count = 0
    await writer.complete(
      { projectId: IDS.projectId, studentId, which: 'after', requests: requestsOf(problems) },
      {
        signal,
        emit: (event) => {
          if (
            event.kind === 'completion' &&
            isRight(problems[Number(event.result.id)] as Problem, event.result.text)
          )
            count += 1
        },
      },
    )
    right.push(count)
  }
  await writer.close()
  return {
    name,
    how: `${about}; ${outcome.step} of ${settings.steps} steps of ${settings.batch} rows in ${seconds} s`,
    right,
  }
}

/** Undefined, with a line that says why, where onnxruntime-node is not installed. */
export async function measureBox(): Promise<PartAnswer | undefined> {
  let runtime: Runtime
  try {
    runtime = openNativeRuntime(loadNative(), THREADS)
  } catch (thrown) {
    console.log(`box: not measured. ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    return undefined
  }
  const file = 'corner-shop.gguf'
  const teacher = await openGguf(sourceFromBytes(file, new Uint8Array(await readFile(join(BOX, file)))), {
    backend: 'wasm',
    runtime,
    contextLength: 1024,
    signal,
    onProgress: () => undefined,
  })
  const from = performance.now()
  const rows = await writeRows(teacher)
  const seconds = Math.round((performance.now() - from) / 1000)
  const trace = await writeTrace(teacher, rows)
  const asked = PROBLEM_KINDS.map((kind) => drawProblems(kind, ASKED, true))
  const teachers: number[] = []
  for (const problems of asked) {
    const texts = await askTeacher(teacher, problems)
    teachers.push(problems.filter((problem, i) => isRight(problem, texts[i] ?? '')).length)
  }
  const tracer = makeAnswerTracer(teacher, shareVocabulary(teacher.tokenizer, rows), {
    choices: CHOICES,
    temperature: 1,
  })
  const lent: BorrowedTeacher = {
    trace: async (answers, ends) => (await tracer(answers, ends)).map((row) => raiseLeast(row)),
  }
  const graduates: Graduate[] = [
    {
      name: 'the teacher',
      how: `${(teacher.description.card.parameters / 1e6).toFixed(1)} M parameters, greedy`,
      right: teachers,
    },
  ]
  for (const pupil of PUPILS) graduates.push(await teach(pupil, runtime, rows, trace, asked, lent))
  await teacher.release()
  return report(graduates, rows.length, seconds)
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0)

function report(graduates: readonly Graduate[], rows: number, seconds: number): PartAnswer {
  const measured: Measured[] = [
    {
      what: 'answers of the teacher that were proved right',
      value: rows,
      unit: 'rows',
      how: `of ${LEARNED} problems, a quarter of each level, in ${seconds} s on ${THREADS} threads`,
    },
  ]
  for (const { name, how, right } of graduates) {
    right.forEach((count, i) =>
      measured.push({
        what: `level ${PROBLEM_KINDS[i]?.level}: ${name}`,
        value: (100 * count) / ASKED,
        unit: '% right',
        how: i === 0 ? how : '',
      }),
    )
  }
  const [teacher, ...students] = graduates
  return {
    measured,
    ratios: students.map(({ name, right }) => ({
      what: `right answers of all levels against the teacher’s: ${name}`,
      ratio: sumOf(right) / sumOf(teacher?.right ?? []),
    })),
  }
}
