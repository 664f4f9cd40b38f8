// Knows: what students learn from the built-in teacher in a bounded time: word problems of four levels, answered by the teacher, verified,
// trained on, and evaluated on held-out problems. Runs natively, on onnxruntime-node.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadNative } from '../../src/command-line/load-native.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { contentId, freshId, type StudentId } from '../../src/domain/id.ts'
import type { CompletionRequest, CompletionResult } from '../../src/domain/completion-request.ts'
import { GREEDY } from '../../src/domain/sampling.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import {
  countParameters,
  type CommonTrainSettings,
  type StudentPreset,
  type TrainSettings,
} from '../../src/domain/student.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { writeSoftTargetHeader, writeSoftTargetRow } from '../../src/engine/training/soft-target-file.ts'
import { sourceFromBytes } from '../../src/engine/weights/source.ts'
import { isHeldOut } from '../../src/pipeline/corner-shop/documents/index.ts'
import { writeMoney } from '../../src/pipeline/corner-shop/goods.ts'
import { PROBLEM_KINDS } from '../../src/pipeline/corner-shop/problems/index.ts'
import type { Problem, ProblemKind } from '../../src/pipeline/corner-shop/problems/problem.ts'
import { verifyFinalAnswer } from '../../src/pipeline/verifiers/final-answer.ts'
import type { BorrowedTeacher } from '../../workers/student/borrowed-teacher.ts'
import { StudentCompleter } from '../../workers/student/complete.ts'
import { clampProbabilities } from '../../workers/student/read-soft-targets.ts'
import { train } from '../../workers/student/train.ts'
import type { EngineTeacher } from '../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../workers/teachers/gguf.ts'
import { makeSoftTargetComputer } from '../../workers/teachers/lend.ts'
import { shareVocabulary, computeRowSoftTargets } from '../../workers/teachers/soft-targets.ts'
import { IDS, makeMemoryStores } from '../workers/student/memory-stores.ts'
import type { Measured, PartResult } from './measure.ts'

const THREADS = 2
/** Problems that the teacher answers for training, over all levels; and held-out problems for evaluation, per level. */
const TRAIN_PROBLEMS = 1500
const TEST_PROBLEMS = 200
const MAX_TOKENS = 160
const TOP_K = 16
/** Maximum training time of one student; the learning-rate schedule is that of all its steps. */
const SECONDS_PER_STUDENT = 75

const TEACHER_FOLDER = fileURLToPath(new URL('../../public/teacher', import.meta.url))
const signal = new AbortController().signal

/** Settings of all students: the page's defaults, except for steps, learning rate and batch size. */
const COMMON = {
  context: 192,
  batchSize: 16,
  gradientAccumulation: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'muon',
  learningRate: 0.005,
  schedule: 'cosine',
  warmUp: 0.05,
  weightDecay: 0.1,
  maxGradientNorm: 1,
  dropout: 0,
  emaDecay: 0,
  patience: 0,
  evaluateEvery: 10_000,
  rngSeed: 1,
} as const satisfies Omit<CommonTrainSettings, 'preset' | 'steps'>

interface StudentSetup {
  readonly name: string
  readonly settings: TrainSettings
}
const onTexts = (preset: StudentPreset, steps: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'teacher-text',
  vocabulary: 1024,
  labelSmoothing: 0,
})
const onSoftTargets = (preset: StudentPreset, steps: number, textShare: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'forward-kl',
  temperature: 1,
  topK: TOP_K,
  textShare,
})
/** Half the steps take about as long as all steps on texts alone. */
const onPolicy = (preset: StudentPreset, steps: number): TrainSettings => ({
  ...COMMON,
  preset,
  steps,
  loss: 'on-policy',
  divergence: 'forward-kl',
  lambda: 0.5,
  textWarmUp: 0.3,
  temperature: 1,
  topK: TOP_K,
  maxTokens: 96,
  samplingTemperature: 1,
})
const SETUPS: readonly StudentSetup[] = [
  { name: 'micro, texts, vocabulary of its own', settings: onTexts('micro', 1200) },
  { name: 'small, texts, vocabulary of its own', settings: onTexts('small', 600) },
  { name: 'small, texts, the teacher’s vocabulary', settings: onSoftTargets('small', 600, 1) },
  { name: 'small, forward KL, the teacher’s vocabulary', settings: onSoftTargets('small', 600, 0) },
  {
    name: 'small, on-policy (λ 0.5, forward KL), equal time',
    settings: onPolicy('small', 300),
  },
]

/** Distinct problems of a level, from the teacher's training set or held out of it. Published numbers depend on the seeds. */
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
    input: { kind: 'chat', messages: [{ role: 'user', content }] },
    sampling: { ...GREEDY, maxTokens: MAX_TOKENS, rngSeed: String(i) },
  }))

async function generateTexts(teacher: EngineTeacher, problems: readonly Problem[]): Promise<string[]> {
  const texts: string[] = []
  const onResult = ({ id, text }: CompletionResult): void => void (texts[Number(id)] = text)
  await teacher.complete(requestsOf(problems), { signal, onProgress: () => undefined, onResult })
  return texts
}

/** The rows that the teacher got right, shuffled over levels. */
async function writeRows(teacher: EngineTeacher): Promise<DatasetRow[]> {
  const problems = PROBLEM_KINDS.flatMap((kind) =>
    drawProblems(kind, TRAIN_PROBLEMS / PROBLEM_KINDS.length, false),
  )
  const texts = await generateTexts(teacher, problems)
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

/** The teacher's soft-target file for the rows. */
async function writeSoftTargets(teacher: EngineTeacher, rows: readonly DatasetRow[]): Promise<Uint8Array> {
  const shared = shareVocabulary(teacher.tokenizer, rows)
  const softTargets = await computeRowSoftTargets(
    teacher,
    rows,
    shared,
    { topK: TOP_K, temperature: 1, allowedIds: shared.teacherIds },
    signal,
  )
  return new Uint8Array(
    await new Blob([
      writeSoftTargetHeader({ topK: TOP_K, temperature: 1, tokenizer: shared.files, rows: rows.length }),
      ...softTargets.map(writeSoftTargetRow),
    ]).arrayBuffer(),
  )
}

interface StudentScore {
  readonly name: string
  readonly how: string
  /** Right answers per level. */
  readonly right: readonly number[]
}

async function trainStudent(
  { name, settings }: StudentSetup,
  runtime: Runtime,
  rows: DatasetRow[],
  softTargets: Uint8Array,
  tests: readonly (readonly Problem[])[],
  lent: BorrowedTeacher,
): Promise<StudentScore> {
  const stores = Object.assign(makeMemoryStores(rows), { softTargets })
  const studentId = freshId('student') as StudentId // freshId returns an id of this kind
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), SECONDS_PER_STUDENT * 1000)
  const from = performance.now()
  let about = ''
  const outcome = await train(
    { ...IDS, studentId, settings, softTargets: 'built-in.trace', backend: 'wasm' },
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
  const completer = new StudentCompleter(stores, { openRuntime: async () => runtime })
  const right: number[] = []
  for (const problems of tests) {
    let count = 0
    await completer.complete(
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
  await completer.close()
  return {
    name,
    how: `${about}; ${outcome.step} of ${settings.steps} steps with batch size ${settings.batchSize} in ${seconds} s`,
    right,
  }
}

/** Undefined, after printing why, if onnxruntime-node is not installed. */
export async function measureBuiltInTeacher(): Promise<PartResult | undefined> {
  let runtime: Runtime
  try {
    runtime = openNativeRuntime(loadNative(), THREADS)
  } catch (thrown) {
    console.log(
      `built-in-teacher: not measured. ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    )
    return undefined
  }
  const file = 'corner-shop.gguf'
  const teacher = await openGguf(
    sourceFromBytes(file, new Uint8Array(await readFile(join(TEACHER_FOLDER, file)))),
    {
      backend: 'wasm',
      runtime,
      contextLength: 1024,
      signal,
      onProgress: () => undefined,
    },
  )
  const from = performance.now()
  const rows = await writeRows(teacher)
  const seconds = Math.round((performance.now() - from) / 1000)
  const softTargets = await writeSoftTargets(teacher, rows)
  const tests = PROBLEM_KINDS.map((kind) => drawProblems(kind, TEST_PROBLEMS, true))
  const teacherRight: number[] = []
  for (const problems of tests) {
    const texts = await generateTexts(teacher, problems)
    teacherRight.push(problems.filter((problem, i) => isRight(problem, texts[i] ?? '')).length)
  }
  const compute = makeSoftTargetComputer(teacher, shareVocabulary(teacher.tokenizer, rows), {
    topK: TOP_K,
    temperature: 1,
  })
  const lent: BorrowedTeacher = {
    computeSoftTargets: async (completions, abort) =>
      (await compute(completions, abort)).map((row) => clampProbabilities(row)),
  }
  const scores: StudentScore[] = [
    {
      name: 'the teacher',
      how: `${(teacher.description.card.parameters / 1e6).toFixed(1)} M parameters, greedy`,
      right: teacherRight,
    },
  ]
  for (const setup of SETUPS) scores.push(await trainStudent(setup, runtime, rows, softTargets, tests, lent))
  await teacher.release()
  return report(scores, rows.length, seconds)
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0)

function report(scores: readonly StudentScore[], rows: number, seconds: number): PartResult {
  const measured: Measured[] = [
    {
      what: 'verified answers of the teacher',
      value: rows,
      unit: 'rows',
      how: `of ${TRAIN_PROBLEMS} problems, a quarter of each level, in ${seconds} s on ${THREADS} threads`,
    },
  ]
  for (const { name, how, right } of scores) {
    right.forEach((count, i) =>
      measured.push({
        what: `level ${PROBLEM_KINDS[i]?.level}: ${name}`,
        value: (100 * count) / TEST_PROBLEMS,
        unit: '% right',
        how: i === 0 ? how : '',
      }),
    )
  }
  const [teacher, ...students] = scores
  return {
    measured,
    ratios: students.map(({ name, right }) => ({
      what: `right answers of all levels relative to the teacher’s: ${name}`,
      ratio: sumOf(right) / sumOf(teacher?.right ?? []),
    })),
  }
}
