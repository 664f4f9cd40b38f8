// Knows: how a training is opened: rows, words, packing, what it goes on from, the graphics card; its steps are a course (course.ts).
// Must not know: threads, databases (stores), graphs (engine/training).
import {
  asksTeacher,
  countParameters,
  goesOn,
  learnsAdapters,
  learnsFromPairs,
  learnsFromRewards,
  learnsOnPolicy,
  type TrainSettings,
} from '../../src/domain/student.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import { shapeOf } from '../../src/pipeline/training/presets.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { TrainEvent, TrainOutcome, TrainRequest } from '../../src/protocol/student.ts'
import {
  adaptersOf,
  countTrained,
  describeShape,
  loadFrozen,
  NO_TOKENIZER,
  openAdaptedModel,
  type OpenModel,
} from './adapted-model.ts'
import { breathe } from './breathe.ts'
import { Course, fitLength, type CourseParts, type TrainTools, type Words } from './course.ts'
import { tellCardPlan, tryCard } from './card-limits.ts'
import { withNamedFaults } from './faults.ts'
import { prepareLesson, type Prepared } from './lessons/open-lesson.ts'
import { chooseSamplePrompts, learnTokenizer, splitRows } from './prepare-rows.ts'
import { decoderShapeOf, keyOf, readBase, readStoredStudent } from './stored-student.ts'
import { readTaught } from './read-taught.ts'
import { renderAsStudent, renderByTemplate } from './rendering.ts'

/**
 * Trains to the last step or to an abort; both end with a checkpoint. Throws RetortError: ModelRefused where the dataset or
 * a stored checkpoint cannot be used, OutOfMemory, DeviceLost, StorageFull.
 */
export async function train(
  request: TrainRequest,
  call: Call<TrainEvent>,
  tools: TrainTools,
): Promise<TrainOutcome> {
  const { settings, projectId, studentId } = request
  const tell = (phase: Extract<TrainEvent, { kind: 'phase' }>['phase'], sentence: string): void =>
    call.emit({ kind: 'phase', phase, sentence })
  const stored = await readStoredStudent(tools.stores, projectId, studentId)
  if (stored && stored.about.key !== keyOf(request))
    throw new RetortError(
      'ModelRefused',
      'The stored checkpoint belongs to another dataset or other settings. Train a new student with these.',
    )
  try {
    const taught = await readTaught(request, tools.stores)
    const on =
      stored?.on ?? (learnsAdapters(settings) ? await needModel(request, tools, call.signal) : undefined)
    const base = goesOn(settings) ? await readBase(tools.stores, projectId, request.base) : undefined
    const split = splitRows(await tools.stores.readRows(projectId, request.datasetId), taught?.rows)
    if (stored) tell('resuming', `Going on from the checkpoint of step ${stored.checkpoint.state.step}.`)
    else tell('tokenizer', tellWords(settings, split.train.length))
    await breathe()
    const words =
      stored ??
      taught?.words ??
      base ??
      (on && { tokenizer: on.tokenizer, tokenizerFiles: NO_TOKENIZER }) ??
      makeWords(split, settings, (note) => tell('tokenizer', note))
    tell('packing', 'Cutting the rows into tokens.')
    const rendering = on ? renderByTemplate(words.tokenizer) : renderAsStudent(words.tokenizer)
    const prepared = await prepareLesson(split, words.tokenizer, settings, call.signal, rendering)
    const named =
      prepared.kind === 'classes'
        ? { classes: prepared.rows.classes, remarks: prepared.rows.remarks }
        : undefined
    if (named && taught?.labels && JSON.stringify(taught.labels) !== JSON.stringify(named.classes))
      throw new RetortError(
        'ModelRefused',
        'The teacher’s stored answers cannot be used: they are of other classes than this dataset’s. Load the teacher and train a new student.',
      )
    const shape = on
      ? describeShape(on.shape)
      : {
          ...shapeOf(settings.preset, words.tokenizer.vocabularySize, settings.context),
          ...(named ? { classes: named.classes.length } : {}),
        }
    if (base && JSON.stringify(decoderShapeOf(shape)) !== JSON.stringify(base.checkpoint.shape))
      throw new RetortError(
        'ModelRefused',
        'The student to go on from has another size than these settings. Choose it again on the Student screen.',
      )
    call.emit({
      kind: 'shape',
      shape,
      parameters: on?.facts.parameters ?? countParameters(shape),
      ...(on && learnsAdapters(settings) ? { trained: countTrained(on.shape, adaptersOf(settings)) } : {}),
      cutRows: prepared.rows.cutRows,
      leftOutRows: prepared.rows.leftOutRows,
      ...named,
    })
    const samplePrompts = chooseSamplePrompts(split, rendering, settings.context)
    if (on)
      tell('loading', `Reading the weights of ${on.card.name}, ${(on.card.fileBytes / 1e6).toFixed(0)} MB.`)
    const adapts =
      on && learnsAdapters(settings)
        ? { ...adaptersOf(settings), frozen: await loadFrozen(on, call.signal) }
        : undefined
    tell('building', 'Building the train step.')
    return await withNamedFaults('training', async () => {
      const runtime = await tools.openRuntime(request.backend)
      const decoder = on?.shape ?? decoderShapeOf(shape)
      const card = await planStep(runtime, prepared, { decoder, adapts }, { request, call, tools })
      const course = new Course({
        request,
        call,
        tools,
        runtime,
        prepared,
        shape,
        decoder,
        adapts,
        stored,
        words,
        samplePrompts,
        accumulate: card.accumulate,
        base: base && finalWeights(base.checkpoint),
        teacherWeights: taught?.weights,
      })
      try {
        await course.prepare()
        const begins = stored
          ? `Training from step ${stored.checkpoint.state.step} of ${settings.steps}.`
          : `Training ${settings.steps} steps on ${prepared.rows.train.length} ${course.called}.`
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
const rowsOfLine = (settings: TrainSettings): number =>
  learnsFromPairs(settings) ? 2 : learnsFromRewards(settings) ? settings.answers : 1

/** In how many parts a step is taken: as many as were asked for, or more where a graphics card would otherwise be busy for too long. */
async function planStep(
  runtime: Runtime,
  { rows }: Prepared,
  { decoder: shape, adapts }: Pick<CourseParts, 'decoder' | 'adapts'>,
  { request: { settings }, call, tools }: Pick<CourseParts, 'request' | 'call' | 'tools'>,
): Promise<{ readonly accumulate: number; readonly said?: string }> {
  const { accumulate, context } = settings
  if (runtime.backend !== 'webgpu') return { accumulate }
  call.emit({
    kind: 'phase',
    phase: 'building',
    sentence: 'Trying how long the graphics card takes for a row.',
  })
  const length =
    learnsFromRewards(settings) || learnsOnPolicy(settings) ? context : fitLength(rows.train, context)
  const plan = await tryCard(runtime, {
    shape,
    ...(adapts ? { adapts } : {}),
    rows: rows.train,
    length,
    lines: Math.min(settings.batch, rows.train.length) * rowsOfLine(settings),
    now: tools.now,
    signal: call.signal,
  })
  const said = tellCardPlan(plan)
  return { accumulate: Math.max(accumulate, plan.parts), ...(said === undefined ? {} : { said }) }
}

/** The imported model that the adapters are to lie on. */
function needModel(
  { adapts }: TrainRequest,
  { stores }: TrainTools,
  signal: AbortSignal,
): Promise<OpenModel> {
  if (adapts === undefined)
    throw new RetortError(
      'ModelMissing',
      'This training fits an imported model, and none was chosen. Choose one on the Student screen.',
    )
  return openAdaptedModel(stores, adapts, signal)
}

function tellWords(settings: TrainSettings, rows: number): string {
  if (asksTeacher(settings)) return 'Taking over the part of the teacher’s vocabulary that the rows use.'
  if (learnsFromPairs(settings) || learnsFromRewards(settings))
    return 'Reading the student that this training goes on from.'
  if (learnsAdapters(settings)) return 'Reading the vocabulary and the chat template of the model.'
  return `Learning a vocabulary of up to ${settings.vocabulary} tokens from ${rows} rows.`
}

function makeWords(
  split: ReturnType<typeof splitRows>,
  settings: TrainSettings,
  onNote: (note: string) => void,
): Words {
  if (settings.loss !== 'teacher-text' && settings.loss !== 'classes')
    throw new TypeError(`${settings.loss} takes the teacher’s vocabulary`)
  const { tokenizer, files, note } = learnTokenizer(split.train, settings)
  if (note) onNote(note)
  return { tokenizer, tokenizerFiles: files }
}
