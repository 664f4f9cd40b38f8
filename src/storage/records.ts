// Knows: the form of every stored record, as schemas: records from a file are checked here and nowhere else.
// Must not know: files, where records are stored, and earlier versions (upgrades/).
// Long because the nine stores share the schemas of models, verdicts and decisions, and because one list shows what an untrusted file may hold.
import * as v from 'valibot'
import { CHAT_FORMAT_NAMES } from '../domain/chat-format.ts'
import type { Comparison } from '../domain/comparison.ts'
import { MAX_EMBEDDING } from '../domain/completion-request.ts'
import type { Dataset } from '../domain/dataset.ts'
import { hasIdForm, type Id } from '../domain/id.ts'
import type { ModelRef } from '../domain/model-card.ts'
import { isRoleName } from '../domain/role.ts'
import { WEIGHT_FORMS } from '../domain/weight-form.ts'
import { PROJECT_NAME_LIMIT, type Project } from '../domain/project.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { Row } from '../domain/row.ts'
import type { Run } from '../domain/run.ts'
import { COLUMN_NAME_LIMIT } from '../domain/column-mapping.ts'
import { MAX_SEED_FIELDS, SEED_FIELD_LIMIT, SEED_TEXT_LIMIT, type Seed } from '../domain/seed.ts'
import {
  CURRICULA,
  OPTIMIZER_NAMES,
  SCHEDULE_NAMES,
  STUDENT_PRESETS,
  type Student,
} from '../domain/student.ts'
import type { Preference } from '../domain/preference.ts'
import { FIELD_LIMIT, FIELD_NAME_LIMIT, MAX_FIELDS } from '../domain/fields.ts'
import type { PairVerdict, Verdict } from '../domain/verdict.ts'
import type { SavedCall } from './calls.ts'
import type { JournalEntry, ProjectStore, StoredDatasetRow } from './schema.ts'

type Primitive = string | number | boolean | null | undefined
/** A type without `readonly`, all the way down, so that two can be compared. */
type Plain<T> = T extends Primitive
  ? T
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : { -readonly [K in keyof T]: Plain<T[K]> }
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the schema's output is exactly `T`: a field that one of them lacks is an error here. */
const exactly =
  <T>() =>
  <S extends v.GenericSchema>(
    schema: S &
      (Same<Plain<v.InferOutput<S>>, Plain<T>> extends true
        ? unknown
        : { readonly 'differs from the type': Plain<T> }),
  ): S =>
    schema

// Bounds: generous for anything that a person or a model writes, small enough to stop a file made to fill the memory.
const word = v.pipe(v.string(), v.maxLength(500))
/** Max notes of a run. */
const MAX_RUN_NOTES = 100
const sentence = v.pipe(v.string(), v.maxLength(10_000))
const written = v.pipe(v.string(), v.maxLength(1_000_000))
const recipeText = v.pipe(v.string(), v.maxLength(200_000))
const number = v.pipe(v.number(), v.finite())
/** A measured number: JSON writes NaN (a loss that diverged) as null. */
const measured = v.union([
  v.pipe(v.number(), v.finite()),
  v.pipe(
    v.null(),
    v.transform(() => Number.NaN),
  ),
])
/** A probability, with room for rounding. */
const share = v.pipe(v.number(), v.minValue(-1e-6), v.maxValue(1 + 1e-6))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** Milliseconds since 1970, up to the last one that a Date supports. */
const time = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15))
/** Settings of a training. */
const MAX_SETTINGS = 100
/** A recipe has at most 64 steps, each of which may name a few. */
const MAX_ROLES = 256
const list = <S extends v.GenericSchema>(item: S, max: number) => v.pipe(v.array(item), v.maxLength(max))
const id = <Kind extends string>(_kind: Kind) =>
  v.custom<Id<Kind>>(hasIdForm, 'an id has 8 to 64 hexadecimal digits')

/** One value for each role that has a model of its own. */
const byRole = <S extends v.GenericSchema>(value: S) =>
  v.pipe(
    v.record(v.pipe(v.string(), v.check(isRoleName, 'a role’s name is a short word')), value),
    v.check((roles) => Object.keys(roles).length <= MAX_ROLES, `a recipe has up to ${MAX_ROLES} roles`),
  )

const project = id('project')
const model = exactly<ModelRef>()(
  v.object({
    name: word,
    fingerprint: word,
    quantisation: word,
    licence: v.exactOptional(sentence),
    origin: v.exactOptional(sentence),
  }),
)
const backend = v.picklist(['wasm', 'webgpu'])
const evidence = v.record(word, v.union([measured, sentence]))
const decision = v.variant('kind', [
  v.object({ kind: v.literal('kept'), evidence }),
  v.object({
    kind: v.literal('dropped'),
    reason: sentence,
    evidence,
    nearest: v.exactOptional(v.object({ text: written, score: number })),
  }),
])
const decisions = list(v.object({ step: count, name: word, decision }), 1000)
const verdict = exactly<Verdict>()(
  v.variant('kind', [
    v.object({
      kind: v.literal('score'),
      rubric: word,
      judge: model,
      score: v.pipe(v.number(), v.minValue(1), v.maxValue(5)),
      distribution: v.pipe(v.array(share), v.length(5)),
      mass: share,
      reasoning: v.exactOptional(written),
    }),
    v.object({
      kind: v.literal('unreadable'),
      rubric: word,
      judge: model,
      reason: sentence,
      mass: v.exactOptional(share),
    }),
  ]),
)
const pairVerdict = exactly<PairVerdict>()(
  v.object({
    judge: model,
    shownFirst: share,
    shownSecond: share,
    outcome: v.picklist(['first', 'second', 'tie']),
    unreadable: v.exactOptional(sentence),
  }),
)

/** Verdicts by the step that made them. */
const verdicts = list(v.object({ step: v.exactOptional(count), verdict }), 1000)
/** Messages of a conversation before its last turn. */
const earlier = list(v.object({ role: v.picklist(['system', 'user', 'assistant']), content: written }), 1000)
const namedValues = v.pipe(
  v.record(
    v.pipe(v.string(), v.maxLength(FIELD_NAME_LIMIT)),
    v.union([number, v.pipe(v.string(), v.maxLength(FIELD_LIMIT))]),
  ),
  v.check((values) => Object.keys(values).length <= MAX_FIELDS, `a record has up to ${MAX_FIELDS} fields`),
)

export const projectRecord = exactly<Project>()(
  v.object({
    id: project,
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(PROJECT_NAME_LIMIT)),
    createdAt: time,
    changedAt: time,
    recipeText: v.exactOptional(recipeText),
    teacherName: v.exactOptional(word),
    modelNames: v.exactOptional(byRole(word)),
  }),
)

const seed = exactly<Seed>()(
  v.object({
    projectId: project,
    id: id('seed'),
    text: v.pipe(v.string(), v.minLength(1), v.maxLength(SEED_TEXT_LIMIT)),
    earlier: v.exactOptional(earlier),
    answer: v.exactOptional(written),
    fields: v.exactOptional(
      v.pipe(
        v.record(
          v.pipe(v.string(), v.maxLength(COLUMN_NAME_LIMIT)),
          v.pipe(v.string(), v.maxLength(SEED_FIELD_LIMIT)),
        ),
        v.check((fields) => Object.keys(fields).length <= MAX_SEED_FIELDS, 'a seed has up to 20 fields'),
      ),
    ),
    source: word,
    line: count,
    addedAt: time,
  }),
)

const loadedWith = v.object({
  backend,
  contextLength: count,
  weights: v.exactOptional(v.picklist(WEIGHT_FORMS)),
  chatFormat: v.exactOptional(v.picklist(CHAT_FORMAT_NAMES)),
})
const run = exactly<Run>()(
  v.object({
    projectId: project,
    id: id('run'),
    recipeHash: id('recipe'),
    recipeText,
    teacher: model,
    loadedWith: v.exactOptional(loadedWith),
    judge: v.exactOptional(model),
    judgeLoadedWith: v.exactOptional(loadedWith),
    models: v.exactOptional(byRole(v.object({ model, loadedWith: v.exactOptional(loadedWith) }))),
    status: v.picklist(['running', 'paused', 'stopped', 'finished', 'failed']),
    reason: v.exactOptional(sentence),
    startedAt: time,
    endedAt: v.exactOptional(time),
    judgeProbe: v.exactOptional(
      v.object({ pairs: count, foreignAsHigh: count, meanOwn: number, meanForeign: number }),
    ),
    notes: v.exactOptional(v.pipe(v.array(sentence), v.maxLength(MAX_RUN_NOTES))),
    workedMs: time,
    deletedAt: v.exactOptional(time),
  }),
)

const prompt = exactly<Prompt>()(
  v.object({
    projectId: project,
    runId: id('run'),
    id: id('prompt'),
    text: written,
    earlier: v.exactOptional(earlier),
    reference: v.exactOptional(written),
    evidence: v.exactOptional(v.object({ text: written, place: sentence })),
    fields: v.exactOptional(namedValues),
    parent: v.exactOptional(id('prompt')),
    seedId: id('seed'),
    origin: v.variant('kind', [
      v.object({ kind: v.literal('seed') }),
      v.object({
        kind: v.literal('grown'),
        template: word,
        shots: list(word, 1000),
        request: count,
        item: count,
        teacher: model,
        operator: v.exactOptional(word),
        step: v.exactOptional(count),
      }),
    ]),
    order: count,
    decisions,
    status: v.picklist(['accepted', 'dropped']),
  }),
)

const status = v.picklist(['pending', 'dropped', 'kept', 'rejected'])
const row = exactly<Row>()(
  v.object({
    projectId: project,
    runId: id('run'),
    id: id('row'),
    promptId: id('prompt'),
    seedId: id('seed'),
    prompt: written,
    earlier: v.exactOptional(earlier),
    variant: count,
    order: count,
    step: v.exactOptional(count),
    parent: v.exactOptional(id('row')),
    completion: v.object({
      text: written,
      finishReason: v.picklist(['end', 'length', 'aborted']),
      reasoning: v.exactOptional(written),
      tokens: count,
      teacher: model,
      system: written,
      sampling: v.object({
        temperature: number,
        topK: number,
        topP: number,
        minP: number,
        repetitionPenalty: number,
        maxTokens: count,
        stop: list(sentence, 64),
        rngSeed: sentence,
      }),
      writtenAt: time,
    }),
    fields: v.exactOptional(namedValues),
    decisions,
    verdicts: v.exactOptional(verdicts),
    droppedBy: v.exactOptional(word),
    edit: v.exactOptional(
      v.object({ prompt: written, completion: written, editedAt: time, verdicts: v.exactOptional(verdicts) }),
    ),
    rejectedByHand: v.exactOptional(v.object({ at: time, before: status })),
    status,
  }),
)

const preference = exactly<Preference>()(
  v.object({
    projectId: project,
    runId: id('run'),
    id: id('preference'),
    promptId: id('prompt'),
    step: count,
    first: id('row'),
    second: id('row'),
    rubric: word,
    verdict: pairVerdict,
  }),
)

const journalEntry = exactly<JournalEntry>()(v.object({ projectId: project, runId: id('run'), key: word }))

const funnelBar = v.object({
  step: count,
  name: word,
  title: word,
  of: v.picklist(['prompt', 'completion']),
  reached: count,
  passed: count,
  reasons: list(v.object({ reason: sentence, count }), 10_000),
})
const dataset = exactly<Dataset>()(
  v.object({
    projectId: project,
    id: id('dataset'),
    runId: id('run'),
    recipeHash: id('recipe'),
    recipeText,
    frozenAt: time,
    rows: v.object({ train: count, heldOut: count }),
    pairs: v.exactOptional(count),
    teacher: model,
    judges: v.exactOptional(list(model, 1000)),
    models: v.exactOptional(byRole(model)),
    seeds: count,
    seedsUsed: v.exactOptional(v.object({ shown: count, of: count })),
    rejectedByHand: v.exactOptional(count),
    notes: v.exactOptional(list(sentence, MAX_RUN_NOTES)),
    funnel: list(funnelBar, 1000),
  }),
)

const datasetRow = exactly<StoredDatasetRow>()(
  v.object({
    projectId: project,
    datasetId: id('dataset'),
    index: count,
    row: v.object({
      rowId: id('row'),
      seedId: id('seed'),
      split: v.picklist(['train', 'held-out']),
      system: written,
      prompt: written,
      earlier: v.exactOptional(earlier),
      completion: written,
      score: v.exactOptional(number),
      editedByHand: v.boolean(),
      scores: v.exactOptional(list(v.object({ rubric: word, judge: word, score: number }), 1000)),
      fields: v.exactOptional(namedValues),
      writtenBy: v.exactOptional(word),
      rejected: v.exactOptional(v.object({ completion: written, score: v.exactOptional(number) })),
    }),
  }),
)

const commonTraining = {
  preset: v.picklist(STUDENT_PRESETS),
  context: count,
  steps: count,
  batchSize: count,
  gradientAccumulation: count,
  packing: v.boolean(),
  curriculum: v.picklist(CURRICULA),
  optimizer: v.picklist(OPTIMIZER_NAMES),
  learningRate: number,
  schedule: v.picklist(SCHEDULE_NAMES),
  warmUp: number,
  weightDecay: number,
  maxGradientNorm: number,
  dropout: number,
  emaDecay: number,
  patience: count,
  evaluateEvery: count,
  rngSeed: number,
} as const

/** Those of a loss are checked against its declaration where a file is read: which there are is not known here. */
const trainSettings = v.pipe(
  v.objectWithRest({ loss: word, ...commonTraining }, v.union([number, word, v.boolean()])),
  v.check(
    (settings) =>
      Object.keys(settings).length <= MAX_SETTINGS &&
      Object.keys(settings).every((name) => name.length <= 100),
    `a training has at most ${MAX_SETTINGS} settings with short names`,
  ),
)

const studentSample = v.object({
  step: count,
  prompt: written,
  text: written,
  expected: v.exactOptional(written),
})
const student = exactly<Student>()(
  v.object({
    projectId: project,
    id: id('student'),
    datasetId: id('dataset'),
    recipeHash: id('recipe'),
    settings: trainSettings,
    shape: v.object({
      layers: count,
      width: count,
      heads: count,
      kvHeads: count,
      feedForward: count,
      vocabulary: count,
      context: count,
      classes: v.exactOptional(count),
    }),
    parameters: count,
    backend,
    softTargets: v.exactOptional(word),
    teacher: v.exactOptional(model),
    teachers: v.exactOptional(
      list(
        v.object({ name: word, fingerprint: word, weight: number, softTargets: v.exactOptional(word) }),
        100,
      ),
    ),
    base: v.exactOptional(id('student')),
    baseModel: v.exactOptional(
      v.object({
        source: v.variant('kind', [
          v.object({ kind: v.literal('stored'), name: sentence }),
          v.object({ kind: v.literal('built-in'), url: sentence }),
        ]),
        model,
        chatFormat: v.exactOptional(v.picklist(CHAT_FORMAT_NAMES)),
      }),
    ),
    trainedParameters: v.exactOptional(count),
    status: v.picklist(['training', 'paused', 'stopped', 'trained', 'failed']),
    reason: v.exactOptional(sentence),
    startedAt: time,
    endedAt: v.exactOptional(time),
    checkpointStep: count,
    bestStep: v.exactOptional(count),
    points: list(
      v.object({
        step: count,
        train: measured,
        heldOut: v.exactOptional(measured),
        errorRate: v.exactOptional(measured),
        evaluated: v.exactOptional(count),
      }),
      1_000_000,
    ),
    samples: list(studentSample, 10_000),
    mistakes: v.exactOptional(list(studentSample, 1000)),
    truncatedRows: count,
    skippedRows: count,
    classes: v.exactOptional(list(word, 1000)),
    notes: v.exactOptional(list(sentence, 64)),
  }),
)

const contenders = <S extends v.GenericSchema>(each: S) =>
  v.object({ before: each, after: each, teacher: each })
const comparison = exactly<Comparison>()(
  v.object({
    projectId: project,
    id: id('comparison'),
    studentId: id('student'),
    datasetId: id('dataset'),
    judge: model,
    teacher: v.exactOptional(model),
    comparedAt: time,
    excluded: v.exactOptional(count),
    prompts: list(
      v.object({
        rowId: id('row'),
        prompt: written,
        earlier: v.exactOptional(earlier),
        texts: contenders(written),
        verdicts: contenders(verdict),
        afterBefore: pairVerdict,
        afterTeacher: pairVerdict,
      }),
      10_000,
    ),
  }),
)

/** A log-probability: JSON writes that of something impossible as null. */
const logProb = v.union([
  number,
  v.pipe(
    v.null(),
    v.transform(() => Number.NEGATIVE_INFINITY),
  ),
])
const tokenText = v.object({ text: sentence, logProb })
/** Bits of 16-bit floats in base64, as `writeCall` has them; none of them an infinity or NaN. */
const vector = v.pipe(
  v.string(),
  v.maxLength(Math.ceil((MAX_EMBEDDING * 2) / 3) * 4),
  v.regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  v.transform((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))),
  v.check((bytes) => bytes.length % 2 === 0, 'a vector has whole numbers of two bytes'),
  v.transform((bytes): Uint16Array => {
    const view = new DataView(bytes.buffer)
    return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true))
  }),
  v.check((bits) => bits.every((one) => (one & 0x7c00) !== 0x7c00), 'a vector has finite numbers'),
)
/** A reply as JSON carries it, for `callRecord`. */
export function writeCall({ reply, ...call }: SavedCall): string {
  if (reply.kind !== 'embed') return JSON.stringify({ ...call, reply })
  const view = new DataView(new ArrayBuffer(2 * reply.result.vector.length))
  reply.result.vector.forEach((bits, i) => view.setUint16(2 * i, bits, true))
  const letters = Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte))
  return JSON.stringify({
    ...call,
    reply: { ...reply, result: { ...reply.result, vector: btoa(letters.join('')) } },
  })
}
/** Users of one reply: runs of a project, most of which share their replies. */
const MAX_CALL_USERS = 10_000
/** A reply of the journal as a project's file has it. Its address has the form that `callKey` gives it. */
export const callRecord = exactly<SavedCall>()(
  v.object({
    key: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    users: list(word, MAX_CALL_USERS),
    reply: v.variant('kind', [
      v.object({
        kind: v.literal('complete'),
        result: v.object({
          text: written,
          finishReason: v.picklist(['end', 'length', 'aborted']),
          reasoning: v.exactOptional(written),
          unfinishedReasoning: v.exactOptional(v.literal(true)),
          promptTokens: count,
          tokens: count,
          logProbs: v.exactOptional(
            list(
              v.object({ ...tokenText.entries, top: list(tokenText, 1000), restProbability: share }),
              1_000_000,
            ),
          ),
          refusal: v.exactOptional(sentence),
        }),
      }),
      v.object({
        kind: v.literal('score'),
        result: v.object({
          logProbs: list(logProb, 1000),
          reasoning: v.exactOptional(written),
          refusal: v.exactOptional(sentence),
        }),
      }),
      v.object({
        kind: v.literal('embed'),
        result: v.object({
          vector,
          cut: v.exactOptional(v.literal(true)),
          refusal: v.exactOptional(sentence),
        }),
      }),
      v.object({ kind: v.literal('novelty'), decisions: list(decision, 100_000) }),
    ]),
  }),
)

/** The schema of each store's records. */
export const RECORDS = {
  seeds: seed,
  runs: run,
  prompts: prompt,
  rows: row,
  preferences: preference,
  journal: journalEntry,
  datasets: dataset,
  datasetRows: datasetRow,
  students: student,
  comparisons: comparison,
} satisfies Record<ProjectStore, v.GenericSchema>

/** A valid record, or what is wrong with it and where, for the end of a sentence. */
export type RecordRead<T> =
  | { readonly ok: true; readonly record: T }
  | { readonly ok: false; readonly reason: string }

/** Checks one record of unknown origin. Fields that the schema does not have are left out. Never throws. */
export function readRecord<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
): RecordRead<v.InferOutput<S>> {
  const read = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true })
  if (read.success) return { ok: true, record: read.output }
  const [issue] = read.issues
  const field = v.getDotPath(issue)
  return {
    ok: false,
    reason:
      field === null
        ? 'it is not a record'
        : `\`${field.slice(0, 60)}\` is invalid (${issue.message.slice(0, 120)})`,
  }
}
