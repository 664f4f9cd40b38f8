// Knows: how well classifiers trained here predict the sentiment of SST-2's sentences, next to alternatives: students trained from scratch on
// gold labels and on a language model's labels; that model zero-shot and with adapters; and TF-IDF with logistic regression. All have the
// same test sentences, on which no settings were chosen. Runs natively, on onnxruntime-node.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadNative } from '../../src/command-line/load-native.ts'
import { freshId, type StudentId } from '../../src/domain/id.ts'
import { GREEDY } from '../../src/domain/sampling.ts'
import { countParameters, type TrainSettings } from '../../src/domain/student.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { writeSoftTargetHeader, writeSoftTargetRow } from '../../src/engine/training/soft-target-file.ts'
import { StudentCompleter } from '../../workers/student/complete.ts'
import { train } from '../../workers/student/train.ts'
import { hasSharedModel } from '../engine/shared-model.ts'
import { IDS, makeMemoryStores } from '../workers/student/memory-stores.ts'
import {
  LABELS,
  readSentences,
  accuracy,
  toRows,
  whyMissing,
  type Labelled,
  type Sentences,
} from './classes-data.ts'
import { predictionsOf, Smol } from './classes-lora.ts'
import type { Measured, PartResult } from './measure.ts'

const THREADS = 2
/** Numbers of training sentences. */
const SIZES = [1000, 4000] as const
/** Maximum training time of a student; adapters have their own. */
const SECONDS = 300
const LORA = { steps: 60, learningRate: 0.001, seconds: 900 }

/** The page's defaults, except for what was chosen on the dev sentences. The weights with the lowest dev loss are kept. */
export const SETTINGS: TrainSettings = {
  loss: 'classes',
  preset: 'nano',
  vocabulary: 1024,
  context: 96,
  steps: 300,
  batchSize: 32,
  gradientAccumulation: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'adam-w',
  learningRate: 0.002,
  schedule: 'cosine',
  warmUp: 0.05,
  weightDecay: 0.1,
  maxGradientNorm: 1,
  dropout: 0.3,
  emaDecay: 0.98,
  patience: 1000,
  evaluateEvery: 25,
  rngSeed: 1,
  softShare: 0,
  temperature: 1,
  labelSmoothing: 0,
}

export interface TrainedClassifier {
  readonly predictions: readonly (number | undefined)[]
  readonly how: string
}

/** A student from scratch, trained and evaluated with the worker's own code. */
export async function trainClassifier(
  runtime: Runtime,
  settings: TrainSettings,
  { train: trainSentences, dev, test }: Sentences,
  softTargets?: readonly TeacherRow[],
): Promise<TrainedClassifier> {
  const stores = makeMemoryStores(toRows(trainSentences, dev))
  if (softTargets) {
    const header = writeSoftTargetHeader({
      topK: LABELS.length,
      temperature: Number(settings['temperature']),
      labels: LABELS,
      tokenizer: { json: '', config: '' },
      rows: trainSentences.length,
    })
    stores.softTargets = new Uint8Array(
      await new Blob([header, ...softTargets.map(writeSoftTargetRow)]).arrayBuffer(),
    )
  }
  const studentId = freshId('student') as StudentId // freshId returns an id of this kind
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), SECONDS * 1000)
  const from = performance.now()
  let about = ''
  const outcome = await train(
    { ...IDS, studentId, settings, softTargets: 'labels.trace', backend: 'wasm' },
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
  const completer = new StudentCompleter(stores, { openRuntime: async () => runtime })
  const predictions: (number | undefined)[] = test.map(() => undefined)
  const requests = test.map(({ text: content }, i) => ({
    id: String(i),
    input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
    sampling: { ...GREEDY, maxTokens: 8, rngSeed: '' },
  }))
  await completer.complete(
    { projectId: IDS.projectId, studentId, which: 'after', requests },
    {
      signal: new AbortController().signal,
      emit: (event) => {
        if (event.kind === 'completion')
          predictions[Number(event.result.id)] = LABELS.findIndex((label) => label === event.result.text)
      },
    },
  )
  await completer.close()
  return {
    predictions,
    how: `${about}, from scratch; ${outcome.step} steps with batch size ${settings.batchSize} in ${seconds} s${outcome.bestStep === undefined ? '' : `, best on dev at ${outcome.bestStep}`}`,
  }
}

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const SCRIPT = fileURLToPath(new URL('./peers/tfidf.py', import.meta.url))

/** Undefined if Python has no scikit-learn. */
export function measureTfIdf({
  train: trainSentences,
  dev,
  test,
}: Sentences): { readonly right: number; readonly how: string } | undefined {
  const pairsOf = (sentences: readonly Labelled[]): unknown =>
    sentences.map(({ text, label }) => [text, label])
  const run = spawnSync(python, [SCRIPT], {
    input: JSON.stringify({ train: pairsOf(trainSentences), dev: pairsOf(dev), test: pairsOf(test) }),
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
    how: `scikit-learn ${version}, word unigrams and bigrams, C ${strength} chosen on dev, ${seconds.toFixed(1)} s`,
  }
}

interface Row {
  readonly name: string
  readonly right: number
  readonly how: string
}

/** Undefined, after printing why, if the sentences or onnxruntime-node are missing. */
export async function measureClasses(): Promise<PartResult | undefined> {
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
  const { test } = sentences
  const rows: Row[] = []
  const peers = new Map<number, number>()
  const add = (row: Row): void => {
    rows.push(row)
    console.log(`classes: ${row.name}: ${row.right.toFixed(1)} % right; ${row.how}`)
  }
  for (const size of SIZES) {
    const subset = { ...sentences, train: sentences.train.slice(0, size) }
    const peer = measureTfIdf(subset)
    if (peer) {
      peers.set(size, peer.right)
      add({ name: `TF-IDF and logistic regression, ${size}`, ...peer })
    } else
      console.log(
        `classes: TF-IDF is not measured, because ${python} has no scikit-learn. Name another Python in RETORT_PYTHON.`,
      )
    const { predictions, how } = await trainClassifier(runtime, SETTINGS, subset)
    add({ name: `student on gold labels, ${size}`, right: accuracy(test, predictions), how })
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
      : [{ what: `accuracy relative to TF-IDF with equally many gold labels: ${name}`, ratio: right / peer }]
  })
  return { measured, ratios }
}

async function measureSmol(
  runtime: Runtime,
  { train: trainSentences, dev, test }: Sentences,
  add: (row: Row) => void,
): Promise<void> {
  const [size] = SIZES
  const subset = trainSentences.slice(0, size)
  const smol = await Smol.open(runtime)
  let from = performance.now()
  const seconds = (): number => Math.round((performance.now() - from) / 1000)
  const zeroShot = await smol.scoreLabels(test)
  add({
    name: 'SmolLM2-135M, zero-shot',
    right: accuracy(test, predictionsOf(zeroShot)),
    how: `by the probabilities of its two answers, ${seconds()} s`,
  })
  from = performance.now()
  const softLabels = await smol.scoreLabels(subset)
  const hardLabels = predictionsOf(softLabels)
  const relabelled = subset.map(({ text }, i): Labelled => ({ text, label: hardLabels[i] ?? 0 }))
  const about = `its labels are ${accuracy(subset, hardLabels).toFixed(1)} % right, ${seconds()} s`
  const hard = await trainClassifier(runtime, SETTINGS, { train: relabelled, dev, test })
  add({
    name: `student on SmolLM2’s hard labels, ${size}`,
    right: accuracy(test, hard.predictions),
    how: `${about}; ${hard.how}`,
  })
  const soft = await trainClassifier(
    runtime,
    { ...SETTINGS, softShare: 1 },
    { train: relabelled, dev, test },
    softLabels,
  )
  add({
    name: `student on SmolLM2’s soft labels, ${size}`,
    right: accuracy(test, soft.predictions),
    how: soft.how,
  })
  const adapted = await smol.adapt(subset, test, LORA)
  add({
    name: `SmolLM2-135M with LoRA of rank 8, ${size}`,
    right: accuracy(test, predictionsOf(adapted.probabilities)),
    how: `${adapted.steps} steps with batch size 8 in ${Math.round(adapted.seconds)} s, final loss ${adapted.loss.toFixed(2)} per token`,
  })
}
