// Knows: the steps of one training, with what they tell and store, from the start or from the last checkpoint.
// Must not know: where rows, words and weights to go on from were found (train.ts), threads, databases, graphs.
import { makeRng, restoreRng, shuffle, type Rng } from '../../src/domain/rng.ts'
import { learnsFromRewards, type StudentSample, type StudentShape } from '../../src/domain/student.ts'
import type { Flat } from '../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { mergeAdapters } from '../../src/engine/training/adapters.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { BatchOrder, type Cursor, type Shuffler } from '../../src/engine/training/batch-order.ts'
import {
  finalWeights,
  writeCheckpoint,
  type BestWeights,
  type StoredLoss,
} from '../../src/engine/training/checkpoint.ts'
import { bucketLengths, positionsOf, type PackedRow } from '../../src/engine/training/packing.ts'
import { learningRateAt } from '../../src/engine/training/schedules/index.ts'
import {
  beginState,
  Trainer,
  type FrozenDecoder,
  type TrainState,
} from '../../src/engine/training/trainer.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { TrainEvent, TrainOutcome, TrainRequest } from '../../src/protocol/student.ts'
import { drawAdapters, forWriting } from './adapted-model.ts'
import type { BorrowedTeacher } from './borrowed-teacher.ts'
import { breathe } from './breathe.ts'
import type { Lesson, LessonStep, PlannedLines } from './lessons/lesson.ts'
import { lossOf } from './lessons/loss-of.ts'
import { openLesson, type Prepared } from './lessons/open-lesson.ts'
import { Pace } from './pace.ts'
import { keyOf, makeBeginning, writeAbout, type StoredStudent } from './stored-student.ts'
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

export interface Words {
  readonly tokenizer: TextTokenizer
  readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
}

export interface CourseParts {
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
export class Course {
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
    const {
      request: { settings },
      prepared,
      stored,
      base,
      runtime,
      tools,
      words,
      decoder: shape,
      adapts,
    } = parts
    const { rows } = prepared
    const state =
      stored?.checkpoint.state ??
      beginState(
        base ??
          (adapts ? drawAdapters(shape, adapts, settings.rngSeed) : makeBeginning(shape, settings.rngSeed)),
      )
    const { weightDecay, clip, optimizer, dropout, averaging, packing: packs } = settings
    this.#trainer = new Trainer(
      runtime,
      {
        shape,
        weightDecay,
        clip,
        optimizer,
        dropout,
        averaging,
        ...lossOf(settings),
        ...(adapts ? { adapts } : {}),
      },
      state,
    )
    this.#linesAStep = Math.min(settings.batch, rows.train.length)
    this.#best = stored?.checkpoint.best
    const lengths = bucketLengths(fitLength([...rows.train, ...rows.heldOut], settings.context))
    this.#lengths = adapts ? lengths.slice(-MOST_LENGTHS_ADAPTED) : lengths
    this.#reference =
      base && learnsFromRewards(settings) && settings.beta > 0
        ? new Trainer(runtime, { shape, weightDecay: 0, clip: 0 }, beginState(base))
        : undefined
    this.#lesson = openLesson(prepared, {
      settings: { ...settings, accumulate: parts.accumulate },
      linesAStep: this.#linesAStep,
      lengths: this.#lengths,
      student: { runtime, shape, tokenizer: words.tokenizer },
      ...(tools.teacher ? { teacher: tools.teacher } : {}),
      ...(parts.teacherWeights ? { teacherWeights: parts.teacherWeights } : {}),
      ...(this.#reference ? { reference: this.#reference } : {}),
    })
    const cursor = stored?.checkpoint.cursor
    this.#order = new BatchOrder(
      rows.train,
      this.#linesAStep,
      this.#lengths,
      makeShuffler(settings.rngSeed, cursor),
      cursor,
      { packs, shortFirst: settings.curriculum === 'short-first' },
    )
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
      call.emit({
        kind: 'phase',
        phase: 'building',
        sentence: 'Trying how long the teacher takes for answers of the student.',
      })
      const from = tools.now()
      this.#pace.expect(await this.#lesson.kinds.rehearse(this.#trainer, call.signal), tools.now() - from)
      this.#pace.begin()
    }
    if (!this.#lesson.refer || !base) return
    call.emit({
      kind: 'phase',
      phase: 'building',
      sentence: 'Asking the student before this training what it finds of the pairs.',
    })
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
    const {
      request: { settings },
      call: { signal },
      tools,
    } = this.#parts
    while (this.#trainer.step < settings.steps && !this.#isPatienceOver()) {
      await breathe()
      if (signal.aborted) {
        if (this.#trainer.step > this.#savedStep) await this.#save(await this.#trainer.read())
        return { ending: 'stopped', step: this.#trainer.step }
      }
      if (!(await this.#takeStep())) continue
      const { step } = this.#trainer
      if (step % settings.evaluateEvery === 0 || step === settings.steps) await this.#look()
      else if (
        tools.now() - this.#savedAt >
        Math.max(CHECKPOINT_EVERY_MS, this.#storingMs / MOST_OF_TIME_STORING)
      )
        await this.#save(await this.#trainer.read())
      else continue
      this.#pace.goOn()
    }
    return {
      ending: 'finished',
      step: this.#trainer.step,
      ...(this.#best ? { bestStep: this.#best.step } : {}),
    }
  }

  /** True when the held-out loss has not been lower for as many looks as the person waits. */
  #isPatienceOver(): boolean {
    const { patience, evaluateEvery } = this.#parts.request.settings
    return (
      patience > 0 &&
      this.#best !== undefined &&
      this.#trainer.step - this.#best.step >= patience * evaluateEvery
    )
  }

  /** False where it was aborted: then there was no step. */
  async #takeStep(): Promise<boolean> {
    const {
      request: { settings },
      prepared: { rows },
      call,
    } = this.#parts
    const planned = this.#order.take()
    const chosen = planned.lines.map((line) => line.map((i) => rows.train[i] as PackedRow))
    const next = this.#trainer.step + 1
    const learningRate = learningRateAt(next, settings)
    const dropped = makeRng(settings.rngSeed).fork(`dropout/${next}`)
    const made = await this.#makeStep({
      lines: chosen,
      length: planned.length,
      step: next,
      signal: call.signal,
    })
    if (made === undefined) return false
    const { batches, positions, drift, shown, note } = made
    const { loss, norm } = await this.#trainer.train(batches, learningRate, () => dropped.next(), drift)
    const { step } = this.#trainer
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new RetortError(
        'Unexpected',
        `The loss of step ${step} is not a number: training has blown up. Lower the learning rate (it was ${settings.learningRate})${settings.clip ? '' : ' or clip the gradient'}, and train a new student.`,
      )
    this.#cursor = this.#order.cursor
    this.#pace.count(positions, this.#lesson.kinds?.of(step))
    const latest: StoredLoss = { step, train: shown ?? loss }
    this.#losses.push(latest)
    if (this.#losses.length > MOST_LOSSES)
      this.#losses = this.#losses.filter(
        (point, i) => point.heldOut !== undefined || i % 2 === 0 || i > MOST_LOSSES / 2,
      )
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
      if (thrown instanceof RetortError && this.#trainer.step > this.#savedStep)
        await this.#save(await this.#trainer.read())
      throw thrown
    }
  }

  #told: { readonly learningRate: number; readonly gradientNorm: number; readonly note?: string } = {
    learningRate: 0,
    gradientNorm: 0,
  }

  #stepEvent(point: StoredLoss): TrainEvent {
    const { step } = this.#trainer
    const left = this.#lesson.kinds?.left(step) ?? [['', this.#parts.request.settings.steps - step] as const]
    return {
      kind: 'step',
      point,
      tokensPerSecond: this.#pace.tokensPerSecond,
      ...this.#told,
      msLeft: this.#pace.msFor(left),
    }
  }

  /** Held-out loss, samples and a checkpoint. */
  async #look(): Promise<void> {
    const {
      call,
      prepared: { rows },
      request,
    } = this.#parts
    const { step } = this.#trainer
    const last = this.#losses.pop() as StoredLoss
    const heldOut =
      rows.heldOut.length && !call.signal.aborted
        ? await this.#lesson.measure(this.#trainer, call.signal)
        : undefined
    const wrong = this.#lesson.wrong?.()
    const point: StoredLoss =
      heldOut !== undefined && Number.isFinite(heldOut) && !call.signal.aborted
        ? { ...last, heldOut, ...(wrong === undefined ? {} : { wrong }) }
        : last
    this.#losses.push(point)
    this.#pace.mayTell(true)
    call.emit(this.#stepEvent(point))
    const state = await this.#trainer.read()
    if (
      request.settings.patience > 0 &&
      point.heldOut !== undefined &&
      point.heldOut < (this.#best?.heldOut ?? Infinity)
    )
      this.#best = { step, heldOut: point.heldOut, weights: state.average ?? state.weights }
    await this.#save(state)
    if (!call.signal.aborted) call.emit({ kind: 'samples', samples: await this.#writeSamples(step, state) })
  }

  async #writeSamples(step: number, state: TrainState): Promise<StudentSample[]> {
    const { runtime, decoder, adapts, words, samplePrompts, call } = this.#parts
    const own = finalWeights({ state })
    const weights = adapts ? mergeAdapters(decoder, adapts, adapts.frozen, own) : own
    const prompts = samplePrompts.map(({ tokens }) => tokens)
    const texts = await (this.#lesson.writeSamples?.(weights, prompts, call.signal) ??
      writeSamples(
        runtime,
        { shape: adapts ? forWriting(decoder) : decoder, weights, tokenizer: words.tokenizer },
        prompts,
        call.signal,
      ))
    return samplePrompts.map(({ prompt }, i): StudentSample => ({ step, prompt, text: texts[i] ?? '' }))
  }

  async #save(state: TrainState): Promise<void> {
    const { projectId, studentId, settings, base, adapts: on } = this.#parts.request
    const {
      request,
      prepared,
      prepared: { rows },
      words,
      tools,
      call,
      decoder,
      adapts,
    } = this.#parts
    const bytes = writeCheckpoint({
      shape: decoder,
      ...(adapts ? { adapts: { rank: adapts.rank, alpha: adapts.alpha, targets: adapts.targets } } : {}),
      state,
      ...(this.#best ? { best: this.#best } : {}),
      cursor: this.#cursor,
      tokenizer: {
        json: JSON.stringify(words.tokenizerFiles.tokenizerJson),
        config: JSON.stringify(words.tokenizerFiles.tokenizerConfig),
      },
      losses: this.#losses,
      about: writeAbout({
        key: keyOf(request),
        rngSeed: settings.rngSeed,
        cutRows: rows.cutRows,
        leftOutRows: rows.leftOutRows,
        ...(base === undefined ? {} : { base }),
        ...(on === undefined ? {} : { adapts: on }),
        ...(prepared.kind === 'classes' ? { classes: prepared.rows.classes } : {}),
      }),
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
export function fitLength(rows: readonly PackedRow[], context: number): number {
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
