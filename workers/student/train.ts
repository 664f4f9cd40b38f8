// Knows: the story of a training: rows, tokenizer, packing, steps, looks, checkpoints; from the start or from the last checkpoint.
// Must not know: threads, databases (stores), graphs (engine/training).
import { makeRng, restoreRng, shuffle, type Rng } from '../../src/domain/rng.ts'
import { asksTeacher, countParameters, goesOn, learnsAdapters, learnsClasses, learnsFromHidden, learnsFromPairs, learnsFromProbabilities, learnsFromRewards, learnsOnPolicy, type StudentSample, type StudentShape, type TrainSettings } from '../../src/domain/student.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { mergeAdapters } from '../../src/engine/training/adapters.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { BatchOrder, type Cursor, type Shuffler } from '../../src/engine/training/batch-order.ts'
import { finalWeights, writeCheckpoint, type BestWeights, type StoredLoss } from '../../src/engine/training/checkpoint.ts'
import { bucketLengths, positionsOf, type PackedRow } from '../../src/engine/training/packing.ts'
import { learningRateAt } from '../../src/engine/training/schedules/index.ts'
import { beginState, Trainer, type FrozenDecoder, type TrainerOptions, type TrainState } from '../../src/engine/training/trainer.ts'
import { shapeOf } from '../../src/pipeline/training/presets.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { TrainEvent, TrainOutcome, TrainRequest } from '../../src/protocol/student.ts'
import { adaptersOf, countTrained, describeShape, drawAdapters, forWriting, loadFrozen, NO_TOKENIZER, openAdaptedModel, type OpenModel } from './adapted-model.ts'
import type { BorrowedTeacher } from './borrowed-teacher.ts'
import { breathe } from './breathe.ts'
import { tellCardPlan, tryCard } from './card-limits.ts'
import { withNamedFaults } from './faults.ts'
import type { Lesson, LessonStep, PlannedLines } from './lessons/lesson.ts'
import { openLesson, prepareLesson, type Prepared } from './lessons/open-lesson.ts'
import { Pace } from './pace.ts'
import { chooseSamplePrompts, learnTokenizer, splitRows } from './prepare-rows.ts'
import { decoderShapeOf, keyOf, makeBeginning, readBase, readStoredStudent, writeAbout, type StoredStudent } from './stored-student.ts'
import { readTaught } from './read-taught.ts'
import { renderAsStudent, renderByTemplate } from './rendering.ts'
import type { StudentStores } from './stores.ts'
import { writeSamples } from './write-texts.ts'

/** A checkpoint is at most this old while training goes on; older where storing one takes longer than a twentieth of that. */
const CHECKPOINT_EVERY_MS = 20_000
const MOST_OF_TIME_STORING = 1 / 20
/** Lengths of lines, each with a graph of its own, whose working memory a large model cannot have many times over. */
const MOST_LENGTHS_ADAPTED = 2
/** Losses kept in a checkpoint; when there are more, every other one of the older half goes. */
const MOST_LOSSES = 4000

export interface TrainTools {
  readonly stores: StudentStores
  readonly openRuntime: (backend: TrainRequest['backend']) => Promise<Runtime>
  readonly now: () => number
  /** The teacher, where the loss asks it at every step. */
  readonly teacher?: BorrowedTeacher
}

/**
 * Trains to the last step or to an abort; both end with a checkpoint. Throws RetortError: ModelRefused where the dataset or
 * a stored checkpoint cannot be used, OutOfMemory, DeviceLost, StorageFull.
 */
export async function train(request: TrainRequest, call: Call<TrainEvent>, tools: TrainTools): Promise<TrainOutcome> {
  const { settings, projectId, studentId } = request
  const tell = (phase: Extract<TrainEvent, { kind: 'phase' }>['phase'], sentence: string): void => call.emit({ kind: 'phase', phase, sentence })
  const stored = await readStoredStudent(tools.stores, projectId, studentId)
  if (stored && stored.about.key !== keyOf(request)) throw new RetortError('ModelRefused', 'The stored checkpoint belongs to another dataset or other settings. Train a new student with these.')
  try {
    const taught = await readTaught(request, tools.stores)
    const on = stored?.on ?? (learnsAdapters(settings) ? await needModel(request, tools, call.signal) : undefined)
    const base = goesOn(settings) ? await readBase(tools.stores, projectId, request.base) : undefined
    const split = splitRows(await tools.stores.readRows(projectId, request.datasetId), taught?.rows)
    if (stored) tell('resuming', `Going on from the checkpoint of step ${stored.checkpoint.state.step}.`)
    else tell('tokenizer', tellWords(settings, split.train.length))
    await breathe()
    const words = stored ?? taught?.words ?? base ?? (on && { tokenizer: on.tokenizer, tokenizerFiles: NO_TOKENIZER }) ?? makeWords(split, settings, (note) => tell('tokenizer', note))
    tell('packing', 'Cutting the rows into tokens.')
    const rendering = on ? renderByTemplate(words.tokenizer) : renderAsStudent(words.tokenizer)
    const prepared = await prepareLesson(split, words.tokenizer, settings, call.signal, rendering)
    const named = prepared.kind === 'classes' ? { classes: prepared.rows.classes, remarks: prepared.rows.remarks } : undefined
    if (named && taught?.labels && JSON.stringify(taught.labels) !== JSON.stringify(named.classes)) throw new RetortError('ModelRefused', 'The teacher’s stored answers cannot be used: they are of other classes than this dataset’s. Load the teacher and train a new student.')
    const shape = on ? describeShape(on.shape) : { ...shapeOf(settings.preset, words.tokenizer.vocabularySize, settings.context), ...(named ? { classes: named.classes.length } : {}) }
    if (base && JSON.stringify(decoderShapeOf(shape)) !== JSON.stringify(base.checkpoint.shape)) throw new RetortError('ModelRefused', 'The student to go on from has another size than these settings. Choose it again on the Student screen.')
    call.emit({ kind: 'shape', shape, parameters: on?.facts.parameters ?? countParameters(shape), ...(on && learnsAdapters(settings) ? { trained: countTrained(on.shape, adaptersOf(settings)) } : {}), cutRows: prepared.rows.cutRows, leftOutRows: prepared.rows.leftOutRows, ...named })
    const samplePrompts = chooseSamplePrompts(split, rendering, settings.context)
    if (on) tell('loading', `Reading the weights of ${on.card.name}, ${(on.card.fileBytes / 1e6).toFixed(0)} MB.`)
    const adapts = on && learnsAdapters(settings) ? { ...adaptersOf(settings), frozen: await loadFrozen(on, call.signal) } : undefined
    tell('building', 'Building the train step.')
    return await withNamedFaults('training', async () => {
      const runtime = await tools.openRuntime(request.backend)
      const decoder = on?.shape ?? decoderShapeOf(shape)
      const card = await planStep(runtime, prepared, { decoder, adapts }, { request, call, tools })
      const course = new Course({ request, call, tools, runtime, prepared, shape, decoder, adapts, stored, words, samplePrompts, accumulate: card.accumulate, base: base && finalWeights(base.checkpoint), teacherWeights: taught?.weights })
      try {
        await course.prepare()
        const begins = stored ? `Training from step ${stored.checkpoint.state.step} of ${settings.steps}.` : `Training ${settings.steps} steps on ${prepared.rows.train.length} ${course.called}.`
        tell('training', card.said ? `${begins} ${card.said}` : begins)
        return await course.go()
      } finally {
        await course.release()
      }
    })
  } catch (thrown) {
    if (isAbort(thrown)) return { ending: 'stopped', step: stored?.checkpoint.state.step ?? 0 } // before the first step there is nothing to keep
    throw thrown
  }
}

/** Rows that one line of the plan becomes in a step. */
const rowsOfLine = (settings: TrainSettings): number => (learnsFromPairs(settings) ? 2 : learnsFromRewards(settings) ? settings.answers : 1)

/** In how many parts a step is taken: as many as were asked for, or more where a graphics card would otherwise be busy for too long. */
async function planStep(runtime: Runtime, { rows }: Prepared, { decoder: shape, adapts }: Pick<CourseParts, 'decoder' | 'adapts'>, { request: { settings }, call, tools }: Pick<CourseParts, 'request' | 'call' | 'tools'>): Promise<{ readonly accumulate: number; readonly said?: string }> {
  const { accumulate, context } = settings
  if (runtime.backend !== 'webgpu') return { accumulate }
  call.emit({ kind: 'phase', phase: 'building', sentence: 'Trying how long the graphics card takes for a row.' })
  const length = learnsFromRewards(settings) || learnsOnPolicy(settings) ? context : fitLength(rows.train, context)
  const plan = await tryCard(runtime, { shape, ...(adapts ? { adapts } : {}), rows: rows.train, length, lines: Math.min(settings.batch, rows.train.length) * rowsOfLine(settings), now: tools.now, signal: call.signal })
  const said = tellCardPlan(plan)
  return { accumulate: Math.max(accumulate, plan.parts), ...(said === undefined ? {} : { said }) }
}

/** TRL's ε. Each answer is learned from once, where it has no effect yet: no ratio has moved. */
const RATIO_CLIP = 0.2

/** What the engine is told of the loss. */
function lossOf(settings: TrainSettings): Pick<TrainerOptions, 'smoothing' | 'distils' | 'prefers' | 'reinforces'> {
  if (learnsFromProbabilities(settings)) return { distils: { divergence: settings.loss, temperature: settings.temperature, textShare: settings.textShare, ...(learnsFromHidden(settings) ? { hiddenShare: settings.hiddenShare ?? 0 } : {}) } }
  if (learnsOnPolicy(settings)) return { distils: { divergence: settings.divergence, temperature: settings.temperature, textShare: 0 } }
  if (learnsFromPairs(settings)) return { prefers: { loss: settings.loss, beta: settings.beta, margin: settings.loss === 'simpo' ? settings.margin : 0 } }
  if (learnsClasses(settings) && settings.softShare > 0) return { smoothing: settings.labelSmoothing, distils: { divergence: 'forward-kl', temperature: settings.temperature, textShare: 1 - settings.softShare } }
  if (learnsFromRewards(settings)) return { reinforces: { clip: RATIO_CLIP, beta: settings.beta } }
  if (learnsAdapters(settings)) return {}
  return { smoothing: settings.labelSmoothing }
}

/** The imported model that the adapters are to lie on. */
function needModel({ adapts }: TrainRequest, { stores }: TrainTools, signal: AbortSignal): Promise<OpenModel> {
  if (adapts === undefined) throw new RetortError('ModelMissing', 'This training fits an imported model, and none was chosen. Choose one on the Student screen.')
  return openAdaptedModel(stores, adapts, signal)
}

function tellWords(settings: TrainSettings, rows: number): string {
  if (asksTeacher(settings)) return 'Taking over the part of the teacher’s vocabulary that the rows use.'
  if (learnsFromPairs(settings) || learnsFromRewards(settings)) return 'Reading the student that this training goes on from.'
  if (learnsAdapters(settings)) return 'Reading the vocabulary and the chat template of the model.'
  return `Learning a vocabulary of up to ${settings.vocabulary} tokens from ${rows} rows.`
}

interface Words {
  readonly tokenizer: TextTokenizer
  readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
}

function makeWords(split: ReturnType<typeof splitRows>, settings: TrainSettings, onNote: (note: string) => void): Words {
  if (settings.loss !== 'teacher-text' && settings.loss !== 'classes') throw new TypeError(`${settings.loss} takes the teacher’s vocabulary`)
  const { tokenizer, files, note } = learnTokenizer(split.train, settings)
  if (note) onNote(note)
  return { tokenizer, tokenizerFiles: files }
}

interface CourseParts {
  readonly request: TrainRequest
  readonly call: Call<TrainEvent>
  readonly tools: TrainTools
  readonly runtime: Runtime
  readonly prepared: Prepared
  readonly shape: StudentShape
  /** Parts of a step: those of the settings or more. */
  readonly accumulate: number
  /** The same as the engine has it. */
  readonly decoder: DecoderShape
  /** The imported model and its adapters, where those are trained. */
  readonly adapts: FrozenDecoder | undefined
  readonly stored: StoredStudent | undefined
  /** Weights to go on from, where the loss needs some. */
  readonly base: Flat | undefined
  readonly words: Words
  /** Weights of the teachers, where there are some. */
  readonly teacherWeights: readonly number[] | undefined
  readonly samplePrompts: readonly { readonly prompt: string; readonly tokens: number[] }[]
}

/** The steps of one training, with what they tell and store. */
class Course {
  readonly #parts: CourseParts
  readonly #trainer: Trainer
  readonly #order: BatchOrder
  /** Where the order stood after the last whole step. */
  #cursor: Cursor
  readonly #linesAStep: number
  readonly #lengths: readonly number[]
  readonly #pace: Pace
  #losses: StoredLoss[]
  #best: BestWeights | undefined
  #savedAt: number
  #storingMs = 0
  #savedStep: number
  readonly #lesson: Lesson
  readonly #reference: Trainer | undefined

  constructor(parts: CourseParts) {
    this.#parts = parts
    const { request: { settings }, prepared, stored, base, runtime, tools, words, decoder: shape, adapts } = parts
    const { rows } = prepared
    const state = stored?.checkpoint.state ?? beginState(base ?? (adapts ? drawAdapters(shape, adapts, settings.rngSeed) : makeBeginning(shape, settings.rngSeed)))
    const { weightDecay, clip, optimizer, dropout, averaging, packing: packs } = settings
    this.#trainer = new Trainer(runtime, { shape, weightDecay, clip, optimizer, dropout, averaging, ...lossOf(settings), ...(adapts ? { adapts } : {}) }, state)
    this.#linesAStep = Math.min(settings.batch, rows.train.length)
    this.#best = stored?.checkpoint.best
    const lengths = bucketLengths(fitLength([...rows.train, ...rows.heldOut], settings.context))
    this.#lengths = adapts ? lengths.slice(-MOST_LENGTHS_ADAPTED) : lengths
    this.#reference = base && learnsFromRewards(settings) && settings.beta > 0 ? new Trainer(runtime, { shape, weightDecay: 0, clip: 0 }, beginState(base)) : undefined
    this.#lesson = openLesson(prepared, { settings: { ...settings, accumulate: parts.accumulate }, linesAStep: this.#linesAStep, lengths: this.#lengths, student: { runtime, shape, tokenizer: words.tokenizer }, ...(tools.teacher ? { teacher: tools.teacher } : {}), ...(parts.teacherWeights ? { teacherWeights: parts.teacherWeights } : {}), ...(this.#reference ? { reference: this.#reference } : {}) })
    const cursor = stored?.checkpoint.cursor
    this.#order = new BatchOrder(rows.train, this.#linesAStep, this.#lengths, makeShuffler(settings.rngSeed, cursor), cursor, { packs, shortFirst: settings.curriculum === 'short-first' })
    this.#cursor = this.#order.cursor
    this.#pace = new Pace(tools.now)
    this.#losses = [...(stored?.checkpoint.losses ?? [])]
    this.#savedAt = tools.now()
    this.#savedStep = state.step
  }

  /** What comes before the first step: the reference of a preference loss, a first try of what later steps do. */
  async prepare(): Promise<void> {
    const { base, call, stored, tools } = this.#parts
    if (this.#lesson.kinds) {
      call.emit({ kind: 'phase', phase: 'building', sentence: 'Trying how long the teacher takes for answers of the student.' })
      const from = tools.now()
      this.#pace.expect(await this.#lesson.kinds.rehearse(this.#trainer, call.signal), tools.now() - from)
      this.#pace.begin()
    }
    if (!this.#lesson.refer || !base) return
    call.emit({ kind: 'phase', phase: 'building', sentence: 'Asking the student before this training what it finds of the pairs.' })
    if (stored) this.#trainer.load(beginState(base))
    await this.#lesson.refer(this.#trainer, call.signal)
    if (stored) this.#trainer.load(stored.checkpoint.state)
  }

  /** What it learns from, in a word of a sentence. */
  get called(): string {
    return this.#lesson.called
  }

  async release(): Promise<void> {
    await this.#lesson.release?.()
    await this.#reference?.release()
    await this.#trainer.release()
  }

  async go(): Promise<TrainOutcome> {
    const { request: { settings }, call: { signal }, tools } = this.#parts
    while (this.#trainer.step < settings.steps && !this.#isPatienceOver()) {
      await breathe()
      if (signal.aborted) {
        if (this.#trainer.step > this.#savedStep) await this.#save(await this.#trainer.read())
        return { ending: 'stopped', step: this.#trainer.step }
      }
      if (!(await this.#takeStep())) continue
      const { step } = this.#trainer
      if (step % settings.evaluateEvery === 0 || step === settings.steps) await this.#look()
      else if (tools.now() - this.#savedAt > Math.max(CHECKPOINT_EVERY_MS, this.#storingMs / MOST_OF_TIME_STORING)) await this.#save(await this.#trainer.read())
      else continue
      this.#pace.goOn()
    }
    return { ending: 'finished', step: this.#trainer.step, ...(this.#best ? { bestStep: this.#best.step } : {}) }
  }

  /** True when the held-out loss has not been lower for as many looks as the person waits. */
  #isPatienceOver(): boolean {
    const { patience, evaluateEvery } = this.#parts.request.settings
    return patience > 0 && this.#best !== undefined && this.#trainer.step - this.#best.step >= patience * evaluateEvery
  }

  /** False where it was aborted: then there was no step. */
  async #takeStep(): Promise<boolean> {
    const { request: { settings }, prepared: { rows }, call } = this.#parts
    const planned = this.#order.take()
    const chosen = planned.lines.map((line) => line.map((i) => rows.train[i] as PackedRow))
    const next = this.#trainer.step + 1
    const learningRate = learningRateAt(next, settings)
    const dropped = makeRng(settings.rngSeed).fork(`dropout/${next}`)
    const made = await this.#makeStep({ lines: chosen, length: planned.length, step: next, signal: call.signal })
    if (made === undefined) return false
    const { batches, positions, drift, shown, note } = made
    const { loss, norm } = await this.#trainer.train(batches, learningRate, () => dropped.next(), drift)
    const { step } = this.#trainer
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new RetortError('Unexpected', `The loss of step ${step} is not a number: training has blown up. Lower the learning rate (it was ${settings.learningRate})${settings.clip ? '' : ' or clip the gradient'}, and train a new student.`)
    this.#cursor = this.#order.cursor
    this.#pace.count(positions, this.#lesson.kinds?.of(step))
    const latest: StoredLoss = { step, train: shown ?? loss }
    this.#losses.push(latest)
    if (this.#losses.length > MOST_LOSSES) this.#losses = this.#losses.filter((point, i) => point.heldOut !== undefined || i % 2 === 0 || i > MOST_LOSSES / 2)
    const looks = step % settings.evaluateEvery === 0 || step === settings.steps
    this.#told = { learningRate, gradientNorm: norm, ...(note === undefined ? {} : { note }) }
    if (!looks && this.#pace.mayTell(step === 1)) call.emit(this.#stepEvent(latest))
    return true
  }

  /** What the next step learns from; undefined where it was aborted. Where that fails, the steps so far are stored. */
  async #makeStep(planned: PlannedLines): Promise<LessonStep | undefined> {
    try {
      return await this.#lesson.makeStep(this.#trainer, planned)
    } catch (thrown) {
      if (isAbort(thrown) && planned.signal.aborted) return undefined
      if (thrown instanceof RetortError && this.#trainer.step > this.#savedStep) await this.#save(await this.#trainer.read())
      throw thrown
    }
  }

  #told: { readonly learningRate: number; readonly gradientNorm: number; readonly note?: string } = { learningRate: 0, gradientNorm: 0 }

  #stepEvent(point: StoredLoss): TrainEvent {
    const { step } = this.#trainer
    const left = this.#lesson.kinds?.left(step) ?? [['', this.#parts.request.settings.steps - step] as const]
    return { kind: 'step', point, tokensPerSecond: this.#pace.tokensPerSecond, ...this.#told, msLeft: this.#pace.msFor(left) }
  }

  /** Held-out loss, samples and a checkpoint. */
  async #look(): Promise<void> {
    const { call, prepared: { rows }, request } = this.#parts
    const { step } = this.#trainer
    const last = this.#losses.pop() as StoredLoss
    const heldOut = rows.heldOut.length && !call.signal.aborted ? await this.#lesson.measure(this.#trainer, call.signal) : undefined
    const wrong = this.#lesson.wrong?.()
    const point: StoredLoss = heldOut !== undefined && Number.isFinite(heldOut) && !call.signal.aborted ? { ...last, heldOut, ...(wrong === undefined ? {} : { wrong }) } : last
    this.#losses.push(point)
    this.#pace.mayTell(true)
    call.emit(this.#stepEvent(point))
    const state = await this.#trainer.read()
    if (request.settings.patience > 0 && point.heldOut !== undefined && point.heldOut < (this.#best?.heldOut ?? Infinity)) this.#best = { step, heldOut: point.heldOut, weights: state.average ?? state.weights }
    await this.#save(state)
    if (!call.signal.aborted) call.emit({ kind: 'samples', samples: await this.#writeSamples(step, state) })
  }

  async #writeSamples(step: number, state: TrainState): Promise<StudentSample[]> {
    const { runtime, decoder, adapts, words, samplePrompts, call } = this.#parts
    const own = finalWeights({ state })
    const weights = adapts ? mergeAdapters(decoder, adapts, adapts.frozen, own) : own
    const prompts = samplePrompts.map(({ tokens }) => tokens)
    const texts = await (this.#lesson.writeSamples?.(weights, prompts, call.signal) ?? writeSamples(runtime, { shape: adapts ? forWriting(decoder) : decoder, weights, tokenizer: words.tokenizer }, prompts, call.signal))
    return samplePrompts.map(({ prompt }, i): StudentSample => ({ step, prompt, text: texts[i] ?? '' }))
  }

  async #save(state: TrainState): Promise<void> {
    const { projectId, studentId, settings, base, adapts: on } = this.#parts.request
    const { request, prepared, prepared: { rows }, words, tools, call, decoder, adapts } = this.#parts
    const bytes = writeCheckpoint({
      shape: decoder,
      ...(adapts ? { adapts: { rank: adapts.rank, alpha: adapts.alpha, targets: adapts.targets } } : {}),
      state,
      ...(this.#best ? { best: this.#best } : {}),
      cursor: this.#cursor,
      tokenizer: { json: JSON.stringify(words.tokenizerFiles.tokenizerJson), config: JSON.stringify(words.tokenizerFiles.tokenizerConfig) },
      losses: this.#losses,
      about: writeAbout({ key: keyOf(request), rngSeed: settings.rngSeed, cutRows: rows.cutRows, leftOutRows: rows.leftOutRows, ...(base === undefined ? {} : { base }), ...(on === undefined ? {} : { adapts: on }), ...(prepared.kind === 'classes' ? { classes: prepared.rows.classes } : {}) }),
    })
    const from = tools.now()
    await tools.stores.writeCheckpoint(projectId, studentId, bytes)
    this.#savedAt = tools.now()
    this.#storingMs = this.#savedAt - from
    this.#savedStep = state.step
    call.emit({ kind: 'checkpoint', step: state.step })
  }
}

/** No row is longer than this, so nothing need be padded further; a multiple of 16, within the context. */
function fitLength(rows: readonly PackedRow[], context: number): number {
  const longest = rows.reduce((most, row) => Math.max(most, positionsOf(row)), 1)
  return Math.min(context, Math.ceil(longest / 16) * 16)
}

/** The domain's generator as the engine shuffles with it, standing where the cursor says. */
function makeShuffler(rngSeed: number, cursor: Cursor | undefined): Shuffler {
  const name = `${rngSeed}/data`
  const [a = 0, b = 0, c = 0, d = 0] = cursor?.random ?? []
  const rng: Rng = cursor ? restoreRng(name, [a, b, c, d]) : makeRng(name)
  return { state: () => rng.state(), shuffle: (items) => shuffle(items, rng) }
}
