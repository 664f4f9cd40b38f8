// Knows: how well classifiers made here tell the sentiment of SST-2's sentences, beside what else one would use: students from nothing,
// on gold labels and on a language model's; that model itself, asked and adapted; and TF-IDF with logistic regression. All are asked the
// same sentences, and none of their settings was chosen on those. Runs natively, on onnxruntime-node.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadNative } from '../../src/command-line/load-native.ts'
import { freshId, type StudentId } from '../../src/domain/id.ts'
import { GREEDY } from '../../src/domain/model.ts'
import { countParameters, type ClassTrainSettings } from '../../src/domain/student.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { writeTraceHeader, writeTraceRow } from '../../src/engine/training/trace-file.ts'
import { StudentWriter } from '../../workers/student/complete.ts'
import { train } from '../../workers/student/train.ts'
import { hasSharedModel } from '../engine/shared-model.ts'
import { IDS, makeMemoryStores } from '../workers/student/memory-stores.ts'
import {
  LABELS,
  readSentences,
  shareRight,
  toRows,
  whyMissing,
  type Labelled,
  type Sentences,
} from './classes-data.ts'
import { answersOf, Smol } from './classes-lora.ts'
import type { Measured, PartAnswer } from './measure.ts'

const THREADS = 2
/** Sentences that are learned. */
const SIZES = [1000, 4000] as const
/** The bound of each student's training where its steps are not done by then; the adapters have one of their own. */
const SECONDS = 300
const ADAPTING = { steps: 60, learningRate: 0.001, seconds: 900 }

/** The page's defaults but for what the dev sentences chose. The best weights by them are kept. */
export const SETTINGS: ClassTrainSettings = {
  loss: 'classes',
  preset: 'nano',
  vocabulary: 1024,
  context: 96,
  steps: 300,
  batch: 32,
  accumulate: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'adam-w',
  learningRate: 0.002,
  schedule: 'cosine',
  warmUp: 0.05,
  weightDecay: 0.1,
  clip: 1,
  dropout: 0.3,
  averaging: 0.98,
  patience: 1000,
  evaluateEvery: 25,
  rngSeed: 1,
  softShare: 0,
  temperature: 1,
  labelSmoothing: 0,
}

export interface Taught {
  readonly answers: readonly (number | undefined)[]
  readonly how: string
}

/** A student from nothing, trained through the worker's own story and asked through its own way of answering. */
export async function teach(
  runtime: Runtime,
  settings: ClassTrainSettings,
  { learn, dev, asked }: Sentences,
  shares?: readonly TeacherRow[],
): Promise<Taught> {
  const stores = makeMemoryStores(toRows(learn, dev))
  if (shares) {
    const header = writeTraceHeader({
      choices: LABELS.length,
      temperature: settings.temperature,
      labels: LABELS,
      tokenizer: { json: '', config: '' },
      rows: learn.length,
    })
    stores.trace = new Uint8Array(await new Blob([header, ...shares.map(writeTraceRow)]).arrayBuffer())
  }
  const studentId = freshId('student') as StudentId // an id of that kind, freshly made
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), SECONDS * 1000)
  const from = performance.now()
  let about = ''
  const outcome = await train(
    { ...IDS, studentId, settings, trace: 'labels.trace', backend: 'wasm' },
    {
      signal: stop.signal,
      emit: (event) => {
        if (event.kind === 'shape') about = `${(countParameters(event.shape) / 1e6).toFixed(2)} M parameters`
      },
    },
    { stores, openRuntime: async () => runtime, now: () => performance.now() },
  )
  clearTimeout(timer)
  const seconds = Math.round((performance.now() - from) / 1000)
  const writer = new StudentWriter(stores, async () => runtime)
  const answers: (number | undefined)[] = asked.map(() => undefined)
  const requests = asked.map(({ text: content }, i) => ({
    id: String(i),
    asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
    sampling: { ...GREEDY, maxTokens: 8, rngSeed: '' },
  }))
  await writer.complete(
    { projectId: IDS.projectId, studentId, which: 'after', requests },
    {
      signal: new AbortController().signal,
      emit: (event) => {
        if (event.kind === 'completion')
          answers[Number(event.result.id)] = LABELS.findIndex((label) => label === event.result.text)
      },
    },
  )
  await writer.close()
  return {
    answers,
    how: `${about}, from nothing; ${outcome.step} steps of ${settings.batch} rows in ${seconds} s${outcome.bestStep === undefined ? '' : `, best on dev at ${outcome.bestStep}`}`,
  }
}

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const SCRIPT = fileURLToPath(new URL('./peers/tfidf.py', import.meta.url))

/** Undefined where Python has no scikit-learn. */
export function measureTfIdf({
  learn,
  dev,
  asked,
}: Sentences): { readonly right: number; readonly how: string } | undefined {
  const plain = (part: readonly Labelled[]): unknown => part.map(({ text, label }) => [text, label])
  const run = spawnSync(python, [SCRIPT], {
    input: JSON.stringify({ learn: plain(learn), dev: plain(dev), asked: plain(asked) }),
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  if (run.status !== 0) return undefined
  const { version, right, strength, seconds } = JSON.parse(run.stdout) as {
    version: string
    right: number
    strength: number
    seconds: number
  } // printed by our own script
  return {
    right: 100 * right,
    how: `scikit-learn ${version}, words and pairs of words, C ${strength} by dev, ${seconds.toFixed(1)} s`,
  }
}

interface Row {
  readonly name: string
  readonly right: number
  readonly how: string
}

/** Undefined, with a line that says why, where something is missing without which nothing can be measured. */
export async function measureClasses(): Promise<PartAnswer | undefined> {
  if (whyMissing !== undefined) return void console.log(`classes: not measured, ${whyMissing}.`)
  let runtime: Runtime
  try {
    runtime = openNativeRuntime(loadNative(), THREADS)
  } catch (thrown) {
    return void console.log(
      `classes: not measured. ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    )
  }
  const sentences = readSentences()
  const { asked } = sentences
  const rows: Row[] = []
  const peers = new Map<number, number>()
  const add = (row: Row): void => {
    rows.push(row)
    console.log(`classes: ${row.name}: ${row.right.toFixed(1)} % right; ${row.how}`)
  }
  for (const size of SIZES) {
    const some = { ...sentences, learn: sentences.learn.slice(0, size) }
    const peer = measureTfIdf(some)
    if (peer) {
      peers.set(size, peer.right)
      add({ name: `TF-IDF and logistic regression, ${size}`, ...peer })
    } else
      console.log(
        `classes: TF-IDF is not measured beside it, because ${python} has no scikit-learn. Name another Python in RETORT_PYTHON.`,
      )
    const { answers, how } = await teach(runtime, SETTINGS, some)
    add({ name: `student on gold labels, ${size}`, right: shareRight(asked, answers), how })
  }
  if (hasSharedModel) await measureSmol(runtime, sentences, add)
  else console.log('classes: a language model is not measured, there is none in ../shared/models.')
  const measured = rows.map(({ name, right, how }): Measured => ({
    what: name,
    value: right,
    unit: '% right',
    how,
  }))
  const [smallest] = SIZES
  const ratios = rows.flatMap(({ name, right }) => {
    const peer = name.startsWith('TF-IDF')
      ? undefined
      : peers.get(SIZES.find((size) => name.endsWith(String(size))) ?? smallest)
    return peer === undefined
      ? []
      : [{ what: `right answers against TF-IDF’s on as many gold labels: ${name}`, ratio: right / peer }]
  })
  return { measured, ratios }
}

async function measureSmol(
  runtime: Runtime,
  { learn, dev, asked }: Sentences,
  add: (row: Row) => void,
): Promise<void> {
  const [size] = SIZES
  const some = learn.slice(0, size)
  const smol = await Smol.open(runtime)
  let from = performance.now()
  const seconds = (): number => Math.round((performance.now() - from) / 1000)
  const plain = await smol.weigh(asked)
  add({
    name: 'SmolLM2-135M asked as it is',
    right: shareRight(asked, answersOf(plain)),
    how: `by the probabilities of its two answers, ${seconds()} s`,
  })
  from = performance.now()
  const shares = await smol.weigh(some)
  const named = answersOf(shares)
  const own = some.map(({ text }, i): Labelled => ({ text, label: named[i] ?? 0 }))
  const about = `its labels are ${shareRight(some, named).toFixed(1)} % right, ${seconds()} s`
  const hard = await teach(runtime, SETTINGS, { learn: own, dev, asked })
  add({
    name: `student on SmolLM2’s hard labels, ${size}`,
    right: shareRight(asked, hard.answers),
    how: `${about}; ${hard.how}`,
  })
  const soft = await teach(runtime, { ...SETTINGS, softShare: 1 }, { learn: own, dev, asked }, shares)
  add({
    name: `student on SmolLM2’s soft labels, ${size}`,
    right: shareRight(asked, soft.answers),
    how: soft.how,
  })
  const adapted = await smol.adapt(some, asked, ADAPTING)
  add({
    name: `SmolLM2-135M with LoRA of rank 8, ${size}`,
    right: shareRight(asked, answersOf(adapted.shares)),
    how: `${adapted.steps} steps of 8 rows in ${Math.round(adapted.seconds)} s, loss ${adapted.loss.toFixed(2)} a token at the end`,
  })
}
