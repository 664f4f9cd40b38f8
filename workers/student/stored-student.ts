// Knows: a student as its checkpoint stores it: how it is read, verified and written.
import { readId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import { hashOf } from '../../src/domain/hash.ts'
import { makeRng } from '../../src/domain/rng.ts'
import { findChatFormat } from '../../src/domain/chat-format.ts'
import type { BaseModel, StudentShape } from '../../src/domain/student.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { tokenizerFromJson } from '../../src/engine/tokenizers/files/json-tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { finalWeights, readCheckpoint, type Checkpoint } from '../../src/engine/training/checkpoint.ts'
import { listParameters, initialWeights, type Flat } from '../../src/engine/training/parameters.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TrainRequest } from '../../src/protocol/student.ts'
import { NO_TOKENIZER, openBaseModel, type OpenModel } from './base-model.ts'
import type { StudentStores } from './stores.ts'

/** What the worker stores in a checkpoint in addition to the engine's part. */
export interface AboutStudent {
  /** Hash of dataset and settings: a checkpoint resumes only with those it started with. */
  readonly key: string
  readonly rngSeed: number
  readonly truncatedRows: number
  readonly skippedRows: number
  /** The student that it started from. */
  readonly base?: StudentId
  /** The base model of its adapters. */
  readonly baseModel?: BaseModel
  /** Names of its classes, if it is a classifier. */
  readonly classes?: readonly string[]
}

export interface StoredStudent {
  readonly checkpoint: Checkpoint
  readonly about: AboutStudent
  readonly tokenizer: TextTokenizer
  /** The base model, found again, if the student is adapters on an imported model. */
  readonly baseModel?: OpenModel
  readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
}

type KeyParts = Pick<TrainRequest, 'datasetId' | 'settings' | 'base' | 'baseModel' | 'teachers'>

/** The names of settings in version 0.1. Keys are hashed with them, so that a checkpoint of that version can be resumed. */
const SETTING_NAMES_IN_KEY: { readonly [name: string]: string } = {
  batchSize: 'batch',
  gradientAccumulation: 'accumulate',
  maxGradientNorm: 'clip',
  emaDecay: 'averaging',
  topK: 'choices',
  completionsPerPrompt: 'answers',
  maxTokens: 'answerTokens',
  textWarmUp: 'ownFrom',
  samplingTemperature: 'answerTemperature',
}

export const keyOf = ({ datasetId, settings, base, baseModel, teachers }: KeyParts): string =>
  hashOf([
    'student',
    datasetId,
    Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [SETTING_NAMES_IN_KEY[name] ?? name, value]),
    ),
    ...(base === undefined ? [] : [base]),
    ...(baseModel === undefined ? [] : [baseModel.model.fingerprint]),
    ...(baseModel?.chatFormat === undefined ? [] : [baseModel.chatFormat]),
    ...(teachers === undefined ? [] : teachers.map(({ softTargets, weight }) => [softTargets, weight])),
  ])

/** The engine's shape of a student: Llama's constants, a tied head or a classification head. */
export const decoderShapeOf = ({
  layers,
  width,
  heads,
  kvHeads,
  feedForward,
  vocabulary,
  context,
  classes,
}: StudentShape): DecoderShape => ({
  layers,
  width,
  heads,
  kvHeads,
  headWidth: width / heads,
  feedForward,
  vocabulary,
  context,
  ropeTheta: 10000,
  normEpsilon: 1e-5,
  tiedHead: true,
  ...(classes === undefined ? {} : { classes }),
})

/** The random weights that a student starts with: a function of its shape and rngSeed. */
export function makeInitialWeights(shape: DecoderShape, rngSeed: number): Flat {
  const rng = makeRng(rngSeed).fork('first weights')
  return initialWeights(listParameters(shape), () => rng.normal())
}

/** The weights that a stored student started with: those of its base student, or random ones. Throws ModelMissing if the base student is gone. */
export async function readInitialWeights(
  { stores, projectId }: { readonly stores: StudentStores; readonly projectId: ProjectId },
  { about, checkpoint }: Pick<StoredStudent, 'about' | 'checkpoint'>,
): Promise<Flat> {
  return about.base === undefined
    ? makeInitialWeights(checkpoint.shape, about.rngSeed)
    : finalWeights((await readBaseStudent(stores, projectId, about.base)).checkpoint)
}

/** The student that a training starts from. Throws ModelMissing if it is gone. */
export async function readBaseStudent(
  stores: StudentStores,
  projectId: ProjectId,
  base: StudentId | undefined,
): Promise<StoredStudent> {
  const stored = base === undefined ? undefined : await readStoredStudent(stores, projectId, base)
  if (!stored)
    throw new RetortError(
      'ModelMissing',
      'The student that this training starts from is no longer stored. Train one on texts, and start from that.',
    )
  if (stored.baseModel)
    throw new RetortError(
      'ModelRefused',
      'This objective does not support a student with adapters on an imported model. Choose one that was trained on texts.',
    )
  return stored
}

/** The student's last checkpoint; undefined if there is none. Throws ModelRefused with a sentence if it is corrupt. */
export async function readStoredStudent(
  stores: StudentStores,
  projectId: ProjectId,
  studentId: StudentId,
): Promise<StoredStudent | undefined> {
  const bytes = await stores.readCheckpoint(projectId, studentId)
  if (!bytes) return undefined
  const read = readCheckpoint(bytes)
  if (!read.ok) throw new RetortError('ModelRefused', read.sentence)
  const { checkpoint } = read
  const about = parseAbout(checkpoint.about)
  if (about?.baseModel && checkpoint.adapts) {
    const baseModel = await openBaseModel(stores, about.baseModel)
    if (JSON.stringify(baseModel.shape) !== JSON.stringify(checkpoint.shape))
      throw new RetortError(
        'ModelRefused',
        'The checkpoint cannot be used: its adapters and their base model have different shapes. Train this student again from the start.',
      )
    return { checkpoint, about, baseModel, tokenizer: baseModel.tokenizer, tokenizerFiles: NO_TOKENIZER }
  }
  const tokenizerFiles = parseTokenizer(checkpoint.tokenizer)
  if (
    !about ||
    !tokenizerFiles ||
    about.baseModel ||
    checkpoint.adapts ||
    about.classes?.length !== checkpoint.shape.classes
  )
    throw new RetortError(
      'ModelRefused',
      'The checkpoint cannot be used: it was not written by this program’s student. Train this student again from the start.',
    )
  return {
    checkpoint,
    about,
    tokenizerFiles,
    tokenizer: tokenizerFromJson(tokenizerFiles.tokenizerJson, tokenizerFiles.tokenizerConfig),
  }
}

/** Like `readStoredStudent`, but throws ModelMissing if there is no checkpoint. */
export async function requireStoredStudent(
  stores: StudentStores,
  projectId: ProjectId,
  studentId: StudentId,
): Promise<StoredStudent> {
  const stored = await readStoredStudent(stores, projectId, studentId)
  if (!stored)
    throw new RetortError(
      'ModelMissing',
      'This student has no checkpoint yet. Train it until the first one is stored, then try again.',
    )
  return stored
}

/** As JSON, under the keys of version 0.1. */
export const writeAbout = ({ truncatedRows, skippedRows, baseModel, ...about }: AboutStudent): string =>
  JSON.stringify({ ...about, cutRows: truncatedRows, leftOutRows: skippedRows, adapts: baseModel })

function parseAbout(text: string): AboutStudent | undefined {
  const raw = parseJson(text)
  if (
    typeof raw !== 'object' ||
    raw === null ||
    !('key' in raw) ||
    !('rngSeed' in raw) ||
    !('cutRows' in raw) ||
    !('leftOutRows' in raw)
  )
    return undefined
  const { key, rngSeed, cutRows, leftOutRows } = raw
  if (
    typeof key !== 'string' ||
    typeof rngSeed !== 'number' ||
    typeof cutRows !== 'number' ||
    typeof leftOutRows !== 'number'
  )
    return undefined
  const base = 'base' in raw ? readId<'student'>('student', raw.base) : undefined
  const classes = 'classes' in raw ? readNames(raw.classes) : undefined
  const baseModel = 'adapts' in raw ? parseBaseModel(raw.adapts) : undefined
  if ('adapts' in raw && !baseModel) return undefined
  return {
    key,
    rngSeed,
    truncatedRows: cutRows,
    skippedRows: leftOutRows,
    ...(base === undefined ? {} : { base }),
    ...(baseModel ? { baseModel } : {}),
    ...(classes === undefined ? {} : { classes }),
  }
}

function parseBaseModel(raw: unknown): BaseModel | undefined {
  const textOf = (value: unknown, field: string): string | undefined => {
    const found: unknown =
      typeof value === 'object' && value !== null
        ? Object.entries(value).find(([key]) => key === field)?.[1]
        : undefined
    return typeof found === 'string' ? found : undefined
  }
  if (typeof raw !== 'object' || raw === null || !('source' in raw) || !('model' in raw)) return undefined
  const { source, model } = raw
  const [kind, stored, url] = ['kind', 'name', 'url'].map((field) => textOf(source, field))
  const [name, fingerprint, quantisation, licence] = ['name', 'fingerprint', 'quantisation', 'licence'].map(
    (field) => textOf(model, field),
  )
  const location =
    kind === 'stored' && stored !== undefined
      ? ({ kind, name: stored } as const)
      : (kind === 'built-in' || kind === 'box') && url !== undefined // `box` in version 0.1
        ? ({ kind: 'built-in', url } as const)
        : undefined
  if (!location || name === undefined || fingerprint === undefined || quantisation === undefined)
    return undefined
  const format = textOf(raw, 'chatFormat')
  const chatFormat = format === undefined ? undefined : findChatFormat(format)
  if (format !== undefined && chatFormat === undefined) return undefined
  return {
    source: location,
    ...(chatFormat === undefined ? {} : { chatFormat }),
    model: { name, fingerprint, quantisation, ...(licence === undefined ? {} : { licence }) },
  }
}

const readNames = (raw: unknown): string[] | undefined =>
  Array.isArray(raw) && raw.every((name) => typeof name === 'string') ? raw : undefined

function parseTokenizer({
  json,
  config,
}: Checkpoint['tokenizer']): StoredStudent['tokenizerFiles'] | undefined {
  const [tokenizerJson, tokenizerConfig] = [parseJson(json), parseJson(config)]
  return tokenizerJson && tokenizerConfig ? { tokenizerJson, tokenizerConfig } : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
