// Knows: how the built-in teacher is trained: its size, its vocabulary, its steps, resuming from a checkpoint.
// Must not know: where files are stored (make-built-in-teacher.ts).
import { makeRng } from '../domain/rng.ts'
import type { DecoderShape } from '../engine/models/shape.ts'
import type { Runtime } from '../engine/runtime/types.ts'
import { tokenizerFromJson } from '../engine/tokenizers/files/json-tokenizer.ts'
import {
  makeStudentTokenizerConfig,
  trainStudentTokenizer,
  type StudentTokenizerFiles,
} from '../engine/tokenizers/templates/student-template.ts'
import { readCheckpoint, writeCheckpoint, type StoredLoss } from '../engine/training/checkpoint.ts'
import { listParameters, initialWeights } from '../engine/training/parameters.ts'
import { learningRateAt } from '../engine/training/schedules/index.ts'
import { initialState, Trainer, type TrainState } from '../engine/training/trainer.ts'
import { drawDocument, isHeldOut, nameOfWorld, type Mix } from '../pipeline/corner-shop/documents/index.ts'
import { drawBatch, fillBatch, sizeOfStep } from './draw-batches.ts'

/** Proportions of Llama; 2.7 million parameters with the vocabulary below. */
const SIZE = {
  layers: 6,
  width: 192,
  heads: 6,
  kvHeads: 2,
  headWidth: 32,
  feedForward: 512,
  context: 1024,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  tiedHead: true,
} as const
const VOCABULARY = 2048
/** Documents that the vocabulary is learned from. */
const VOCABULARY_DOCUMENTS = 6000
const EVALUATE_EVERY = 100

/** A phase of the training, with its own learning-rate schedule and mix of documents. */
export interface Phase {
  readonly steps: number
  readonly learningRate: number
  readonly mix?: Mix
}

export interface BuiltInTrainingOptions {
  /** In order. */
  readonly phases: readonly Phase[]
  readonly optimizer: 'adam-w' | 'muon'
  readonly rngSeed: number
  readonly report: (line: string) => void
  /** Loads an earlier checkpoint and saves a new one. */
  readonly load: () => Promise<Uint8Array | undefined>
  readonly save: (bytes: Uint8Array) => Promise<void>
}

export interface TrainedTeacher {
  readonly shape: DecoderShape
  readonly state: TrainState
  readonly files: StudentTokenizerFiles
  readonly losses: readonly StoredLoss[]
  /** Tokens of all batches, padding included. */
  readonly tokens: number
}

/** The vocabulary: learned from documents with separated digits, so that numbers are tokenized digit by digit. */
export function makeTokenizer(rngSeed: number): StudentTokenizerFiles {
  const texts = Array.from({ length: VOCABULARY_DOCUMENTS }, (_, i) => {
    const document = drawDocument(makeRng(`box/${rngSeed}/vocabulary/${i}`), { items: 2, isHeldOut })
    const text =
      document.kind === 'raw' ? document.text : document.messages.map(({ content }) => content).join('\n')
    return text.replaceAll(/(?<=\d)(?=\d)/g, ' ')
  })
  const { tokenizerJson, tokenizerConfig } = trainStudentTokenizer(texts, VOCABULARY)
  return { tokenizerJson, tokenizerConfig }
}

/** The phase of a step (from 1), and the step's number within it. */
function phaseOf(phases: readonly Phase[], step: number): { phase: Phase; at: number } {
  let at = step
  for (const phase of phases) {
    if (at <= phase.steps) return { phase, at }
    at -= phase.steps
  }
  throw new RangeError(`The plan has no step ${step}.`)
}

/** Trains to the last step, from the saved checkpoint if there is one. */
export async function trainBuiltInTeacher(
  runtime: Runtime,
  options: BuiltInTrainingOptions,
): Promise<TrainedTeacher> {
  const { phases, optimizer, rngSeed, report } = options
  const steps = phases.reduce((sum, phase) => sum + phase.steps, 0)
  const about = JSON.stringify({ world: nameOfWorld(), rngSeed, optimizer, phases })
  const saved = await options.load()
  const read = saved === undefined ? undefined : readCheckpoint(saved)
  if (read && !read.ok) throw new Error(`The checkpoint cannot be read: ${read.sentence}`)
  const earlier = read?.checkpoint.about === about ? read.checkpoint : undefined
  if (read && !earlier)
    report('The checkpoint has other templates or settings: training starts from scratch.')
  const files = earlier
    ? {
        tokenizerJson: JSON.parse(earlier.tokenizer.json) as object,
        tokenizerConfig: makeStudentTokenizerConfig(SIZE.context),
      }
    : makeTokenizer(rngSeed)
  const tokenizer = tokenizerFromJson(files.tokenizerJson, files.tokenizerConfig)
  const shape: DecoderShape = { ...SIZE, vocabulary: tokenizer.vocabularySize }
  const random = makeRng(`box/${rngSeed}/weights`)
  const state = earlier?.state ?? initialState(initialWeights(listParameters(shape), () => random.normal()))
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0.05, maxGradientNorm: 1, optimizer, emaDecay: 0.99 },
    state,
  )
  const losses: StoredLoss[] = [...(earlier?.losses ?? [])]
  report(
    `${(state.weights.length / 1e6).toFixed(2)} million parameters, vocabulary of ${shape.vocabulary}; ${trainer.step} of ${steps} steps done.`,
  )
  const heldOut = Array.from({ length: 4 }, (_, i) =>
    fillBatch(tokenizer, makeRng(`box/${rngSeed}/held out/${i}`), { lines: 16, length: 512, items: 2 }),
  )
  let tokens = Array.from({ length: trainer.step }, (_, step) => sizeOfStep(step)).reduce(
    (sum, { lines, length }) => sum + lines * length,
    0,
  )
  let sum = 0
  let since = Date.now()
  while (trainer.step < steps) {
    const step = trainer.step + 1
    const { phase, at } = phaseOf(phases, step)
    const batch = drawBatch(tokenizer, rngSeed, step, phase.mix)
    const { loss } = await trainer.train(batch, learningRateAt(at, { ...phase, warmUp: 0.03 }))
    if (!Number.isFinite(loss))
      throw new Error(`The loss of step ${step} is not a number. Lower the learning rate.`)
    tokens += batch.rows * batch.length
    sum += loss
    if (step % EVALUATE_EVERY !== 0 && step !== steps) continue
    const point = {
      step,
      train: sum / (((step - 1) % EVALUATE_EVERY) + 1),
      heldOut: await trainer.measure(heldOut),
    }
    sum = 0
    losses.push(point)
    const perSecond = (EVALUATE_EVERY * 8192) / ((Date.now() - since) / 1000)
    since = Date.now()
    report(
      `step ${step}: loss ${point.train.toFixed(4)}, held-out loss ${point.heldOut.toFixed(4)}, ${Math.round(perSecond)} tokens/s, about ${Math.round(((steps - step) * 8192) / perSecond / 60)} min left`,
    )
    const checkpoint = await trainer.read()
    await options.save(
      writeCheckpoint({
        shape,
        state: checkpoint,
        cursor: { epoch: 0, next: step, random: [] },
        tokenizer: {
          json: JSON.stringify(files.tokenizerJson),
          config: JSON.stringify(files.tokenizerConfig),
        },
        losses,
        about,
      }),
    )
  }
  const final = await trainer.read()
  await trainer.release()
  return { shape, state: final, files, losses, tokens }
}
