// Knows: the steps of one training: batches, evaluations, early stopping, events, checkpoints and the best weights, from the start or from the last checkpoint.
// Must not know: where rows, tokenizer and base weights come from (train.ts), threads, databases, graphs.
// It is long because one loop owns all state that a checkpoint stores: order, trainer, losses, best weights.
import { makeRng, restoreRng, shuffle, type Rng } from '../../src/domain/rng.ts'
import type { StudentSample, StudentShape } from '../../src/domain/student.ts'
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
import { makeObjective } from '../../src/engine/training/objectives/index.ts'
import { bucketLengths, positionsOf, type PackedRow } from '../../src/engine/training/packing.ts'
import { learningRateAt } from '../../src/engine/training/schedules/index.ts'
import {
  initialState,
  Trainer,
  type FrozenDecoder,
  type TrainState,
} from '../../src/engine/training/trainer.ts'
import { planOf } from '../../src/pipeline/training/index.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { TrainEvent, TrainOutcome, TrainRequest } from '../../src/protocol/student.ts'
import { drawAdapters, withGenerationContext } from './base-model.ts'
import type { BorrowedTeacher } from './borrowed-teacher.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import type { Objective, ObjectiveStep, PlannedLines, Prepared } from './objectives/objective.ts'
import { Pace } from './pace.ts'
import { keyOf, makeInitialWeights, writeAbout, type StoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'
import { generateSamples } from './student-generator.ts'

/** Maximum age of the last checkpoint during training; more if storing one takes longer than a twentieth of that. */
const CHECKPOINT_EVERY_MS = 20_000
const MAX_STORING_SHARE = 1 / 20
/** Age at which the first checkpoint is stored, so that a reload soon after the start loses little. */
const FIRST_CHECKPOINT_MS = 3000
/** Number of padded lengths with adapters: each has its own graph and working memory, which is large for an imported model. */
const MAX_ADAPTER_LENGTHS = 2
/** Losses kept in a checkpoint; beyond that, every other one of the older half is dropped. */
const MAX_LOSSES = 4000

export interface TrainTools {
  readonly stores: StudentStores
  readonly openRuntime: (backend: TrainRequest['backend']) => Promise<Runtime>
  readonly now: () => number
  /** The teacher, if the loss calls it during training. */
  readonly teacher?: BorrowedTeacher
}

export interface StudentTokenizer {
  readonly tokenizer: TextTokenizer
  readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
}

export interface TrainingLoopOptions {
  readonly request: TrainRequest
  readonly call: Call<TrainEvent>
  readonly tools: TrainTools
  readonly runtime: Runtime
  readonly prepared: Prepared
  readonly shape: StudentShape
  /** Gradient accumulation steps: those of the settings or more. */
  readonly gradientAccumulation: number
  /** The engine's form of the shape. */
  readonly decoder: DecoderShape
  /** The frozen base model and its adapters, if adapters are trained. */
  readonly adapters: FrozenDecoder | undefined
  readonly stored: StoredStudent | undefined
  /** Weights of the student that this training starts from, if the loss needs one. */
  readonly baseWeights: Flat | undefined
  readonly tokenizer: StudentTokenizer
  /** Weights of the teachers, if there are any. */
  readonly teacherWeights: readonly number[] | undefined
  readonly samplePrompts: readonly {
    readonly prompt: string
    readonly expected: string
    readonly tokens: number[]
  }[]
}

/** The steps of one training, with the events they emit and the checkpoints they store. */
export class TrainingLoop {
  readonly #options: TrainingLoopOptions
  readonly #trainer: Trainer
  readonly #order: BatchOrder
  /** Position of the batch order after the last whole step. */
  #cursor: Cursor
  readonly #linesPerStep: number
  readonly #lengths: readonly number[]
  readonly #pace: Pace
  #losses: StoredLoss[]
  #best: BestWeights | undefined
  #savedAt: number
  #storingMs = 0
  #savedStep: number
  readonly #objective: Objective
  readonly #reference: Trainer | undefined

  constructor(options: TrainingLoopOptions) {
    this.#options = options
    const {
      request: { settings },
      prepared,
      stored,
      baseWeights,
      runtime,
      tools,
      tokenizer,
      decoder: shape,
      adapters,
    } = options
    const { rows } = prepared
    const plan = planOf(settings)
    const objective = makeObjective(plan.objective)
    const state =
      stored?.checkpoint.state ??
      initialState(
        baseWeights ??
          (adapters
            ? drawAdapters(shape, adapters, settings.rngSeed)
            : makeInitialWeights(shape, settings.rngSeed)),
      )
    const { weightDecay, maxGradientNorm, optimizer, dropout, emaDecay } = settings
    this.#trainer = new Trainer(
      runtime,
      {
        shape,
        weightDecay,
        maxGradientNorm,
        optimizer,
        dropout,
        emaDecay,
        objective,
        ...(adapters ? { adapts: adapters } : {}),
      },
      state,
    )
    this.#linesPerStep = Math.min(settings.batchSize, rows.train.length)
    this.#best = stored?.checkpoint.best
    const lengths = bucketLengths(fitLength([...rows.train, ...rows.heldOut], settings.context))
    this.#lengths = adapters ? lengths.slice(-MAX_ADAPTER_LENGTHS) : lengths
    this.#reference =
      baseWeights && plan.comparesWithStart
        ? new Trainer(runtime, { shape, weightDecay: 0, maxGradientNorm: 0 }, initialState(baseWeights))
        : undefined
    this.#objective = prepared.open({
      objective,
      settings: { ...settings, gradientAccumulation: options.gradientAccumulation },
      linesPerStep: this.#linesPerStep,
      lengths: this.#lengths,
      student: { runtime, shape, tokenizer: tokenizer.tokenizer },
      ...(tools.teacher ? { teacher: tools.teacher } : {}),
      ...(options.teacherWeights ? { teacherWeights: options.teacherWeights } : {}),
      ...(this.#reference ? { reference: this.#reference } : {}),
    })
    const cursor = stored?.checkpoint.cursor
    this.#order = new BatchOrder(
      rows.train,
      this.#linesPerStep,
      this.#lengths,
      makeShuffler(settings.rngSeed, cursor),
      cursor,
      { packs: settings.packing, shortFirst: settings.curriculum === 'short-first' },
    )
    this.#cursor = this.#order.cursor
    this.#pace = new Pace(tools.now)
    this.#losses = [...(stored?.checkpoint.losses ?? [])]
    this.#savedAt = tools.now()
    this.#savedStep = state.step
  }

  /**
   * Runs before the first step: the reference log-probabilities of a preference loss, a dry run of on-policy steps; and for a student
   * that starts from another, its evaluation and a sample, so that the curve begins with what it was before.
   */
  async prepare(): Promise<void> {
    const { baseWeights, call, stored, tools } = this.#options
    if (this.#objective.stepKinds) {
      call.emit({
        kind: 'phase',
        phase: 'building',
        sentence: 'Measuring how long the teacher takes to score the student’s completions.',
      })
      const from = tools.now()
      this.#pace.expect(
        await this.#objective.stepKinds.dryRun(this.#trainer, call.signal),
        tools.now() - from,
      )
      this.#pace.start()
    }
    if (!baseWeights) return
    if (this.#objective.computeReference) {
      call.emit({
        kind: 'phase',
        phase: 'building',
        sentence: 'Computing the reference log-probabilities of the pairs.',
      })
      if (stored) this.#trainer.load(initialState(baseWeights))
      await this.#objective.computeReference(this.#trainer, call.signal)
      if (stored) this.#trainer.load(stored.checkpoint.state)
    }
    if (!stored) await this.#evaluateFirst(baseWeights)
  }

  /** Point 0 of the curve. These weights are the best until others are better on the held-out rows. */
  async #evaluateFirst(weights: Flat): Promise<void> {
    const { call, prepared } = this.#options
    call.emit({
      kind: 'phase',
      phase: 'building',
      sentence: 'Evaluating the student that this training starts from.',
    })
    const first = await this.#objective.sampleFirst?.(this.#trainer, call.signal)
    call.signal.throwIfAborted()
    if (first?.learnsNothing) throw new RetortError('NothingToReward', first.note)
    if (first) call.emit({ kind: 'note', note: first.note })
    const heldOut =
      prepared.rows.heldOut.length > 0
        ? await this.#objective.evaluate(this.#trainer, call.signal)
        : Number.NaN
    call.signal.throwIfAborted()
    const train = first?.displayedLoss ?? heldOut
    if (!Number.isFinite(train)) return
    const evaluated = this.#objective.evaluated?.()
    const point: StoredLoss = {
      step: 0,
      train,
      ...(Number.isFinite(heldOut) ? { heldOut, ...(evaluated === undefined ? {} : { evaluated }) } : {}),
    }
    this.#losses.push(point)
    if (point.heldOut !== undefined) this.#best = { step: 0, heldOut: point.heldOut, weights }
    call.emit({ ...this.#stepEvent(point), msLeft: Number.NaN })
    this.#pace.start()
  }

  /** What the training rows are called in a sentence: `rows`, `pairs`. */
  get rowNoun(): string {
    return this.#objective.rowNoun
  }

  async release(): Promise<void> {
    await this.#objective.release?.()
    await this.#reference?.release()
    await this.#trainer.release()
  }

  async run(): Promise<TrainOutcome> {
    const {
      request: { settings },
      call: { signal },
      tools,
    } = this.#options
    while (this.#trainer.step < settings.steps && !this.#isOutOfPatience()) {
      await yieldToMessages()
      if (signal.aborted) {
        if (this.#trainer.step > this.#savedStep) await this.#save(await this.#trainer.read())
        return { outcome: 'stopped', step: this.#trainer.step }
      }
      if (!(await this.#trainStep())) continue
      const { step } = this.#trainer
      if (step % settings.evaluateEvery === 0 || step === settings.steps) await this.#evaluate()
      else if (
        tools.now() - this.#savedAt >
        (this.#savedStep === 0
          ? FIRST_CHECKPOINT_MS
          : Math.max(CHECKPOINT_EVERY_MS, this.#storingMs / MAX_STORING_SHARE))
      )
        await this.#save(await this.#trainer.read())
      else continue
      this.#pace.resume()
    }
    return {
      outcome: 'finished',
      step: this.#trainer.step,
      ...(this.#best ? { bestStep: this.#best.step } : {}),
    }
  }

  /** True if the last `patience` evaluations did not lower the held-out loss. */
  #isOutOfPatience(): boolean {
    const { patience, evaluateEvery } = this.#options.request.settings
    return (
      patience > 0 &&
      this.#best !== undefined &&
      this.#trainer.step - this.#best.step >= patience * evaluateEvery
    )
  }

  /** False if it was aborted: the step does not count. */
  async #trainStep(): Promise<boolean> {
    const {
      request: { settings },
      prepared: { rows },
      call,
    } = this.#options
    const planned = this.#order.take()
    const lines = planned.lines.map((line) => line.map((i) => rows.train[i] as PackedRow))
    const next = this.#trainer.step + 1
    const learningRate = learningRateAt(next, settings)
    const dropoutRng = makeRng(settings.rngSeed).fork(`dropout/${next}`)
    const made = await this.#makeStep({
      lines,
      length: planned.length,
      step: next,
      signal: call.signal,
    })
    if (made === undefined) return false
    const { batches, positions, drift, displayedLoss, note } = made
    const { loss, norm } = await this.#trainer.train(batches, learningRate, () => dropoutRng.next(), drift)
    const { step } = this.#trainer
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new RetortError(
        'Unexpected',
        `The loss of step ${step} is not a number: training diverged. Lower the learning rate (it was ${settings.learningRate})${settings.maxGradientNorm ? '' : ' or set a max gradient norm'}, and train a new student.`,
      )
    this.#cursor = this.#order.cursor
    this.#pace.count(positions, this.#objective.stepKinds?.kindOf(step))
    const latest: StoredLoss = { step, train: displayedLoss ?? loss }
    this.#losses.push(latest)
    if (this.#losses.length > MAX_LOSSES)
      this.#losses = this.#losses.filter(
        (point, i) => point.heldOut !== undefined || i % 2 === 0 || i > MAX_LOSSES / 2,
      )
    const evaluates = step % settings.evaluateEvery === 0 || step === settings.steps
    this.#latestStep = { learningRate, gradientNorm: norm, ...(note === undefined ? {} : { note }) }
    if (!evaluates && this.#pace.mayEmit(step === 1)) call.emit(this.#stepEvent(latest))
    return true
  }

  /** The batches of the next step; undefined if it was aborted. If that fails, the steps so far are stored. */
  async #makeStep(planned: PlannedLines): Promise<ObjectiveStep | undefined> {
    try {
      return await this.#objective.makeStep(this.#trainer, planned)
    } catch (thrown) {
      if (isAbort(thrown) && planned.signal.aborted) return undefined
      if (thrown instanceof RetortError && this.#trainer.step > this.#savedStep)
        await this.#save(await this.#trainer.read())
      throw thrown
    }
  }

  #latestStep: { readonly learningRate: number; readonly gradientNorm: number; readonly note?: string } = {
    learningRate: 0,
    gradientNorm: 0,
  }

  #stepEvent(point: StoredLoss): Extract<TrainEvent, { kind: 'step' }> {
    const { step } = this.#trainer
    const left = this.#objective.stepKinds?.remaining(step) ?? [
      ['', this.#options.request.settings.steps - step] as const,
    ]
    return {
      kind: 'step',
      point,
      tokensPerSecond: this.#pace.tokensPerSecond,
      ...this.#latestStep,
      msLeft: this.#pace.msFor(left),
    }
  }

  /** Held-out loss, samples and a checkpoint. */
  async #evaluate(): Promise<void> {
    const {
      call,
      prepared: { rows },
    } = this.#options
    const { step } = this.#trainer
    const last = this.#losses.pop() as StoredLoss
    const heldOut =
      rows.heldOut.length && !call.signal.aborted
        ? await this.#objective.evaluate(this.#trainer, call.signal)
        : undefined
    const errorRate = this.#objective.errorRate?.()
    const evaluated = this.#objective.evaluated?.()
    const point: StoredLoss =
      heldOut !== undefined && Number.isFinite(heldOut) && !call.signal.aborted
        ? {
            ...last,
            heldOut,
            ...(errorRate === undefined ? {} : { errorRate }),
            ...(evaluated === undefined ? {} : { evaluated }),
          }
        : last
    this.#losses.push(point)
    this.#pace.mayEmit(true)
    call.emit(this.#stepEvent(point))
    const state = await this.#trainer.read()
    if (point.heldOut !== undefined && point.heldOut < (this.#best?.heldOut ?? Infinity))
      this.#best = { step, heldOut: point.heldOut, weights: state.average ?? state.weights }
    await this.#save(state)
    if (!call.signal.aborted)
      call.emit({
        kind: 'samples',
        samples: await this.#generateSamples(step, state),
        ...(this.#objective.mistakes
          ? { mistakes: this.#objective.mistakes().map((mistake) => ({ step, ...mistake })) }
          : {}),
      })
  }

  async #generateSamples(step: number, state: TrainState): Promise<StudentSample[]> {
    const { runtime, decoder, adapters, tokenizer, samplePrompts, call } = this.#options
    const trained = finalWeights({ state })
    const weights = adapters ? mergeAdapters(decoder, adapters, adapters.frozen, trained) : trained
    const prompts = samplePrompts.map(({ tokens }) => tokens)
    const texts = await (this.#objective.generateSamples?.(weights, prompts, call.signal) ??
      generateSamples(
        runtime,
        {
          shape: adapters ? withGenerationContext(decoder) : decoder,
          weights,
          tokenizer: tokenizer.tokenizer,
        },
        prompts,
        call.signal,
      ))
    return samplePrompts.map(({ prompt, expected }, i): StudentSample => ({
      step,
      prompt,
      text: texts[i] ?? '',
      ...(this.#objective.errorRate ? { expected } : {}),
    }))
  }

  async #save(state: TrainState): Promise<void> {
    const { projectId, studentId, settings, base, baseModel } = this.#options.request
    const {
      request,
      prepared,
      prepared: { rows },
      tokenizer: { tokenizerFiles },
      tools,
      call,
      decoder,
      adapters,
    } = this.#options
    const bytes = writeCheckpoint({
      shape: decoder,
      ...(adapters
        ? { adapts: { rank: adapters.rank, alpha: adapters.alpha, targets: adapters.targets } }
        : {}),
      state,
      ...(this.#best ? { best: this.#best } : {}),
      cursor: this.#cursor,
      tokenizer: {
        json: JSON.stringify(tokenizerFiles.tokenizerJson),
        config: JSON.stringify(tokenizerFiles.tokenizerConfig),
      },
      losses: this.#losses,
      about: writeAbout({
        key: keyOf(request),
        rngSeed: settings.rngSeed,
        truncatedRows: rows.truncatedRows,
        skippedRows: rows.skippedRows,
        ...(base === undefined ? {} : { base }),
        ...(baseModel === undefined ? {} : { baseModel }),
        ...(prepared.classes ? { classes: prepared.classes } : {}),
      }),
    })
    const from = tools.now()
    await tools.stores.writeCheckpoint(projectId, studentId, bytes)
    this.#savedAt = tools.now()
    this.#storingMs = this.#savedAt - from
    this.#savedStep = state.step
    call.emit({
      kind: 'checkpoint',
      step: state.step,
      ...(this.#best ? { bestStep: this.#best.step } : {}),
    })
  }
}

/** Padded length that fits every row: a multiple of 16, within the context. */
export function fitLength(rows: readonly PackedRow[], context: number): number {
  const longest = rows.reduce((max, row) => Math.max(max, positionsOf(row)), 1)
  return Math.min(context, Math.ceil(longest / 16) * 16)
}

/** The domain's random generator in the engine's shuffling interface, at the cursor's position. */
function makeShuffler(rngSeed: number, cursor: Cursor | undefined): Shuffler {
  const name = `${rngSeed}/data`
  const [a = 0, b = 0, c = 0, d = 0] = cursor?.random ?? []
  const rng: Rng = cursor ? restoreRng(name, [a, b, c, d]) : makeRng(name)
  return { state: () => rng.state(), shuffle: (items) => shuffle(items, rng) }
}
