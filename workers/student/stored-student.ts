// Knows: a student as its checkpoint holds it: how it is read back, checked and written.
import { readId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import { hashOf } from '../../src/domain/hash.ts'
import { makeRng } from '../../src/domain/rng.ts'
import type { AdaptedModel, StudentShape } from '../../src/domain/student.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { tokenizerFromJson } from '../../src/engine/tokenizers/json-tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import { finalWeights, readCheckpoint, type Checkpoint } from '../../src/engine/training/checkpoint.ts'
import { listParameters, makeFirstWeights, type Flat } from '../../src/engine/training/parameters.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TrainRequest } from '../../src/protocol/student.ts'
import { NO_TOKENIZER, openAdaptedModel, type OpenModel } from './adapted-model.ts'
import type { StudentStores } from './stores.ts'

/** What the worker keeps in a checkpoint beside the engine's part. */
export interface AboutStudent {
  /** Hash of dataset and settings: a checkpoint goes on only with what it began with. */
  readonly key: string
  readonly rngSeed: number
  readonly cutRows: number
  readonly leftOutRows: number
  /** The student that it went on from. */
  readonly base?: StudentId
  /** The imported model that its adapters lie on. */
  readonly adapts?: AdaptedModel
  /** Names of the classes that it answers with, where it does not write. */
  readonly classes?: readonly string[]
}

export interface StoredStudent {
  readonly checkpoint: Checkpoint
  readonly about: AboutStudent
  readonly tokenizer: TextTokenizer
  /** The imported model, found again, where the student is adapters on one. */
  readonly on?: OpenModel
  readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
}

type Belongings = Pick<TrainRequest, 'datasetId' | 'settings' | 'base' | 'adapts' | 'teachers'>
export const keyOf = ({ datasetId, settings, base, adapts, teachers }: Belongings): string =>
  hashOf([
    'student',
    datasetId,
    { ...settings },
    ...(base === undefined ? [] : [base]),
    ...(adapts === undefined ? [] : [adapts.model.fingerprint]),
    ...(teachers === undefined ? [] : teachers.map(({ trace, weight }) => [trace, weight])),
  ])

/** The engine's shape of a student: Llama's constants, a tied head, or one of classes. */
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

/** The weights that a student began with: a function of its shape and rngSeed. */
export function makeBeginning(shape: DecoderShape, rngSeed: number): Flat {
  const rng = makeRng(rngSeed).fork('first weights')
  return makeFirstWeights(listParameters(shape), () => rng.normal())
}

/** The weights that a stored student began with: those of the student it went on from, or drawn ones. Throws ModelMissing where that student is gone. */
export async function readBeginning(
  { stores, projectId }: { readonly stores: StudentStores; readonly projectId: ProjectId },
  { about, checkpoint }: Pick<StoredStudent, 'about' | 'checkpoint'>,
): Promise<Flat> {
  return about.base === undefined
    ? makeBeginning(checkpoint.shape, about.rngSeed)
    : finalWeights((await readBase(stores, projectId, about.base)).checkpoint)
}

/** The student that a training goes on from. Throws ModelMissing where it is gone. */
export async function readBase(
  stores: StudentStores,
  projectId: ProjectId,
  base: StudentId | undefined,
): Promise<StoredStudent> {
  const stored = base === undefined ? undefined : await readStoredStudent(stores, projectId, base)
  if (!stored)
    throw new RetortError(
      'ModelMissing',
      'The student that this one goes on from is not stored here any more. Train one on the texts, and go on from that.',
    )
  if (stored.on)
    throw new RetortError(
      'ModelRefused',
      'A student that is adapters on an imported model cannot be gone on from with this loss. Choose one that was trained on the texts.',
    )
  return stored
}

/** The student's last checkpoint; undefined where there is none. Throws ModelRefused with a sentence where it is broken. */
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
  if (about?.adapts && checkpoint.adapts) {
    const on = await openAdaptedModel(stores, about.adapts)
    if (JSON.stringify(on.shape) !== JSON.stringify(checkpoint.shape))
      throw new RetortError(
        'ModelRefused',
        'The checkpoint cannot be used: its adapters have another shape than their model. Train this student again from the start.',
      )
    return { checkpoint, about, on, tokenizer: on.tokenizer, tokenizerFiles: NO_TOKENIZER }
  }
  const tokenizerFiles = parseTokenizer(checkpoint.tokenizer)
  if (
    !about ||
    !tokenizerFiles ||
    about.adapts ||
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

/** As `readStoredStudent`, where there must be one. */
export async function needStoredStudent(
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

export const writeAbout = (about: AboutStudent): string => JSON.stringify(about)

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
  const adapts = 'adapts' in raw ? parseAdapted(raw.adapts) : undefined
  if ('adapts' in raw && !adapts) return undefined
  return {
    key,
    rngSeed,
    cutRows,
    leftOutRows,
    ...(base === undefined ? {} : { base }),
    ...(adapts ? { adapts } : {}),
    ...(classes === undefined ? {} : { classes }),
  }
}

function parseAdapted(raw: unknown): AdaptedModel | undefined {
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
  const place =
    kind === 'stored' && stored !== undefined
      ? ({ kind, name: stored } as const)
      : kind === 'box' && url !== undefined
        ? ({ kind, url } as const)
        : undefined
  if (!place || name === undefined || fingerprint === undefined || quantisation === undefined)
    return undefined
  return {
    source: place,
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
