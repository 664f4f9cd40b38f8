// Knows: how a training is set up: rows, tokenizer, packing, base student or base model, the graphics card; training-loop.ts runs its steps.
// Must not know: threads, databases (stores), graphs (engine/training).
import { countParameters } from '../../src/domain/student.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import { lossOf, planOf, type TrainingPlan } from '../../src/pipeline/training/index.ts'
import type { LossDeclaration } from '../../src/pipeline/training/losses/loss.ts'
import { shapeOf } from '../../src/pipeline/training/presets.ts'
import { findSides } from '../../src/pipeline/training/sides.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { TrainEvent, TrainOutcome, TrainRequest } from '../../src/protocol/student.ts'
import {
  adaptersOf,
  countTrainedParameters,
  describeShape,
  loadFrozen,
  NO_TOKENIZER,
  openBaseModel,
  type OpenModel,
} from './base-model.ts'
import { yieldToMessages } from './yield-to-messages.ts'
import {
  TrainingLoop,
  fitLength,
  type TrainingLoopOptions,
  type TrainTools,
  type StudentTokenizer,
} from './training-loop.ts'
import { describeCardPlan, planOnCard } from './card-limits.ts'
import { withNamedErrors } from './named-errors.ts'
import { prepareDataset } from './objectives/index.ts'
import type { Prepared } from './objectives/objective.ts'
import { chooseSamplePrompts, learnTokenizer, splitRows } from './prepare-rows.ts'
import { decoderShapeOf, keyOf, readBaseStudent, readStoredStudent } from './stored-student.ts'
import { readSoftTargets } from './read-soft-targets.ts'
import { renderAsStudent, renderByTemplate } from './rendering.ts'

/**
 * Trains to the last step or to an abort; both end with a checkpoint. Throws RetortError: ModelRefused if the dataset or a stored
 * checkpoint cannot be used, OutOfMemory, DeviceLost, StorageFull.
 */
export async function train(
  request: TrainRequest,
  call: Call<TrainEvent>,
  tools: TrainTools,
): Promise<TrainOutcome> {
  const { settings, projectId, studentId } = request
  const loss = lossOf(settings)
  const learning = planOf(settings)
  const reportPhase = (phase: Extract<TrainEvent, { kind: 'phase' }>['phase'], sentence: string): void =>
    call.emit({ kind: 'phase', phase, sentence })
  const stored = await readStoredStudent(tools.stores, projectId, studentId)
  if (stored && stored.about.key !== keyOf(request))
    throw new RetortError(
      'ModelRefused',
      'The stored checkpoint belongs to another dataset or other settings. Train a new student with these.',
    )
  try {
    const softTargets = await readSoftTargets(request, tools.stores)
    const baseModel =
      stored?.baseModel ??
      (loss.startsFrom === 'model' ? await requireBaseModel(request, tools, call.signal) : undefined)
    const baseStudent =
      loss.startsFrom === 'student' ? await readBaseStudent(tools.stores, projectId, request.base) : undefined
    const rows = await tools.stores.readRows(projectId, request.datasetId)
    const split = splitRows(rows, softTargets?.rows)
    if (stored)
      reportPhase('resuming', `Resuming from the checkpoint at step ${stored.checkpoint.state.step}.`)
    else reportPhase('tokenizer', describeTokenizerPhase(loss, learning, split.train.length))
    await yieldToMessages()
    const tokenizer =
      stored ??
      softTargets?.tokenizer ??
      baseStudent ??
      (baseModel && { tokenizer: baseModel.tokenizer, tokenizerFiles: NO_TOKENIZER }) ??
      makeTokenizer(split, learning, (note) => reportPhase('tokenizer', note))
    reportPhase('packing', 'Tokenizing rows.')
    const rendering = baseModel ? renderByTemplate(tokenizer.tokenizer) : renderAsStudent(tokenizer.tokenizer)
    const prepared = await prepareDataset({
      split,
      tokenizer: tokenizer.tokenizer,
      settings,
      plan: learning,
      signal: call.signal,
      rendering,
      readSides: async () =>
        findSides(rows ?? [], await tools.stores.readDropped(projectId, request.datasetId)),
      readAnswers: () => tools.stores.readAnswers(projectId),
    })
    const classInfo = prepared.classes ? { classes: prepared.classes } : undefined
    if (
      classInfo &&
      softTargets?.labels &&
      JSON.stringify(softTargets.labels) !== JSON.stringify(classInfo.classes)
    )
      throw new RetortError(
        'ModelRefused',
        'The teacher’s stored soft targets cannot be used: their classes are not those of this dataset. Load the teacher and train a new student.',
      )
    const shape = baseModel
      ? describeShape(baseModel.shape)
      : {
          ...shapeOf(settings.preset, tokenizer.tokenizer.vocabularySize, settings.context),
          ...(classInfo ? { classes: classInfo.classes.length } : {}),
        }
    if (baseStudent && JSON.stringify(decoderShapeOf(shape)) !== JSON.stringify(baseStudent.checkpoint.shape))
      throw new RetortError(
        'ModelRefused',
        'The student to start from does not have the size of these settings. Choose it again on the Student screen.',
      )
    call.emit({
      kind: 'shape',
      shape,
      parameters: baseModel?.facts.parameters ?? countParameters(shape),
      ...(baseModel && learning.adapters
        ? { trainedParameters: countTrainedParameters(baseModel.shape, adaptersOf(learning.adapters)) }
        : {}),
      truncatedRows: prepared.rows.truncatedRows,
      skippedRows: prepared.rows.skippedRows,
      ...classInfo,
      ...(prepared.rows.notes ? { notes: prepared.rows.notes } : {}),
    })
    const samplePrompts = chooseSamplePrompts(split, rendering, settings.context)
    if (baseModel)
      reportPhase(
        'loading',
        `Reading the weights of ${baseModel.card.name}, ${(baseModel.card.fileBytes / 1e6).toFixed(0)} MB.`,
      )
    const adapters =
      baseModel && learning.adapters
        ? { ...adaptersOf(learning.adapters), frozen: await loadFrozen(baseModel, call.signal) }
        : undefined
    reportPhase('building', 'Building the train step.')
    return await withNamedErrors('training', async () => {
      const runtime = await tools.openRuntime(request.backend)
      const decoder = baseModel?.shape ?? decoderShapeOf(shape)
      const plan = await planStep(runtime, prepared, { decoder, adapters }, { request, call, tools })
      const loop = new TrainingLoop({
        request,
        call,
        tools,
        runtime,
        prepared,
        shape,
        decoder,
        adapters,
        stored,
        tokenizer,
        samplePrompts,
        gradientAccumulation: plan.gradientAccumulation,
        baseWeights: baseStudent && finalWeights(baseStudent.checkpoint),
        teacherWeights: softTargets?.weights,
      })
      try {
        await loop.prepare()
        const start = stored
          ? `Training from step ${stored.checkpoint.state.step} of ${settings.steps}.`
          : `Training ${settings.steps} steps on ${prepared.rows.train.length} ${loop.rowNoun}.`
        reportPhase('training', plan.note ? `${start} ${plan.note}` : start)
        return await loop.run()
      } finally {
        await loop.release()
      }
    })
  } catch (thrown) {
    if (isAbort(thrown)) return { outcome: 'stopped', step: stored?.checkpoint.state.step ?? 0 } // before the first step there is nothing to store
    throw thrown
  }
}

/** Gradient accumulation steps: those of the settings, or more if a graphics card would be busy for too long otherwise. */
async function planStep(
  runtime: Runtime,
  { rows, rowsPerLine, fillsContext }: Prepared,
  { decoder: shape, adapters }: Pick<TrainingLoopOptions, 'decoder' | 'adapters'>,
  { request: { settings }, call, tools }: Pick<TrainingLoopOptions, 'request' | 'call' | 'tools'>,
): Promise<{ readonly gradientAccumulation: number; readonly note?: string }> {
  const { gradientAccumulation, context } = settings
  if (runtime.backend !== 'webgpu') return { gradientAccumulation }
  call.emit({
    kind: 'phase',
    phase: 'building',
    sentence: 'Measuring how long the graphics card takes for one row.',
  })
  const length = fillsContext ? context : fitLength(rows.train, context)
  const cardPlan = await planOnCard(runtime, {
    shape,
    ...(adapters ? { adapters } : {}),
    rows: rows.train,
    length,
    rowsPerStep: Math.min(settings.batchSize, rows.train.length) * rowsPerLine,
    now: tools.now,
    signal: call.signal,
  })
  const note = describeCardPlan(cardPlan)
  return {
    gradientAccumulation: Math.max(gradientAccumulation, cardPlan.microBatches),
    ...(note === undefined ? {} : { note }),
  }
}

/** The base model of the adapters. Throws ModelMissing if none was chosen. */
function requireBaseModel(
  { baseModel }: TrainRequest,
  { stores }: TrainTools,
  signal: AbortSignal,
): Promise<OpenModel> {
  if (baseModel === undefined)
    throw new RetortError(
      'ModelMissing',
      'This training adapts an imported model, and none was chosen. Choose one on the Student screen.',
    )
  return openBaseModel(stores, baseModel, signal)
}

function describeTokenizerPhase(
  { startsFrom }: LossDeclaration,
  { vocabulary }: TrainingPlan,
  rows: number,
): string {
  if (vocabulary !== undefined)
    return `Learning a vocabulary of up to ${vocabulary} tokens from ${rows} rows.`
  return startsFrom === 'student'
    ? 'Reading the student that this training starts from.'
    : startsFrom === 'model'
      ? 'Reading the model’s vocabulary and chat template.'
      : 'Selecting the part of the teacher’s vocabulary that the rows use.'
}

function makeTokenizer(
  split: ReturnType<typeof splitRows>,
  { vocabulary }: TrainingPlan,
  onNote: (note: string) => void,
): StudentTokenizer {
  if (vocabulary === undefined) throw new TypeError('the loss has no vocabulary of its own')
  const { tokenizer, files, note } = learnTokenizer(split.train, { vocabulary })
  if (note) onNote(note)
  return { tokenizer, tokenizerFiles: files }
}
