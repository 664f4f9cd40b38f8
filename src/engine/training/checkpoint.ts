// Knows: the format of a checkpoint file: weights, moments, averages, step, data cursor, random state, shape,
// tokenizer, losses.
// Must not know: where it is stored, what it is a student of (`about` is opaque text).
import { findShapeProblem, type DecoderShape } from '../models/shape.ts'
import { ADAPTER_TARGETS, listTrainable, type AdapterOptions, type AdapterTarget } from './adapters.ts'
import type { Cursor } from './batch-order.ts'
import { crc32 } from './crc32.ts'
import { countOf, type Flat } from './parameters.ts'
import type { TrainState } from './trainer.ts'

export interface StoredLoss {
  readonly step: number
  readonly train: number
  readonly heldOut?: number
  /** Share of the held-out rows with a wrong answer, if answers are right or wrong. `wrong` in the file. */
  readonly errorRate?: number
  /** Number of held-out rows that a share of wrong answers is a share of. */
  readonly evaluated?: number
}
/** The weights with the lowest held-out loss so far; absent before the first evaluation and without held-out rows. */
export interface BestWeights {
  readonly step: number
  readonly heldOut: number
  readonly weights: Flat
}
export interface Checkpoint {
  readonly shape: DecoderShape
  /** Adapters, if these are trained. The state and the best weights are theirs; the decoder is not in the file. */
  readonly adapts?: AdapterOptions
  readonly state: TrainState
  readonly best?: BestWeights
  readonly cursor: Cursor
  /** `tokenizer.json` and `tokenizer_config.json` as texts. */
  readonly tokenizer: { readonly json: string; readonly config: string }
  readonly losses: readonly StoredLoss[]
  /** Text that the caller wants to read back. */
  readonly about: string
}
/**
 * The final weights of the student (or of its adapters): the best ones if they are stored, else the running average,
 * else the last ones.
 */
export const finalWeights = ({ state, best }: Pick<Checkpoint, 'state' | 'best'>): Flat =>
  best?.weights ?? state.average ?? state.weights

export type CheckpointRead =
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly sentence: string }

// Layout, little-endian: magic (8 bytes), version u32, length of the JSON header u32, header (UTF-8, padded with spaces
// to a multiple of 4), weights, first and second moments, the average and the best weights (if the header lists them)
// as f32, CRC-32 of everything before it u32.
const MAGIC = new TextEncoder().encode('RETORTCK')
const VERSION = 1
const FIXED = MAGIC.length + 8
/** Headers contain a tokenizer of up to about 100,000 entries and one loss per step. */
const MAX_HEADER_BYTES = 64 * 2 ** 20
const MAX_STEP = 1e9

/** The file's bytes. */
export function writeCheckpoint({
  shape,
  adapts,
  state,
  best,
  cursor,
  tokenizer,
  losses,
  about,
}: Checkpoint): Uint8Array {
  const optional = {
    average: state.average !== undefined,
    ...(best ? { best: { step: best.step, heldOut: best.heldOut } } : {}),
  }
  const json = new TextEncoder().encode(
    JSON.stringify({
      shape,
      ...(adapts ? { adapts } : {}),
      step: state.step,
      ...optional,
      cursor,
      tokenizer,
      losses: losses.map(({ errorRate, ...loss }) =>
        errorRate === undefined ? loss : { ...loss, wrong: errorRate },
      ),
      about,
    }),
  )
  const flats = [
    state.weights,
    state.m,
    state.v,
    ...(state.average ? [state.average] : []),
    ...(best ? [best.weights] : []),
  ]
  const headerBytes = Math.ceil(json.length / 4) * 4
  const bytes = new Uint8Array(FIXED + headerBytes + 4 * flats.length * state.weights.length + 4)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  view.setUint32(8, VERSION, true)
  view.setUint32(12, headerBytes, true)
  bytes.fill(0x20, FIXED, FIXED + headerBytes)
  bytes.set(json, FIXED)
  let at = FIXED + headerBytes
  for (const flat of flats) {
    new Float32Array(bytes.buffer, at, flat.length).set(flat)
    at += 4 * flat.length
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true)
  return bytes
}

const refuse = (reason: string): CheckpointRead => ({
  ok: false,
  sentence: `The checkpoint cannot be used: ${reason}. Train this student again from the start.`,
})

/** Reads a file; anything that is not a complete checkpoint is refused with a sentence. Never throws. */
export function readCheckpoint(bytes: Uint8Array): CheckpointRead {
  if (bytes.length < FIXED + 4)
    return refuse(bytes.length ? `it ends after ${bytes.length} bytes` : 'it is empty')
  if (!MAGIC.every((byte, i) => byte === bytes[i])) return refuse('it is not a checkpoint file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    return refuse(`it has version ${version}, and this program reads version ${VERSION}`)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes > MAX_HEADER_BYTES || FIXED + headerBytes + 4 > bytes.length)
    return refuse('it ends in its header')
  const header = parseHeader(bytes.subarray(FIXED, FIXED + headerBytes))
  if (!header) return refuse('its header is broken')
  const problem = findShapeProblem(header.shape)
  if (problem) return refuse(problem.replace(/\.$/, ''))
  const count = countOf(listTrainable(header.shape, header.adapts))
  const expected =
    FIXED + headerBytes + 4 * (3 + (header.average ? 1 : 0) + (header.best ? 1 : 0)) * count + 4
  if (bytes.length !== expected)
    return refuse(`it has ${bytes.length} bytes, and its shape needs ${expected}`)
  if (view.getUint32(expected - 4, true) !== crc32(bytes.subarray(0, expected - 4)))
    return refuse('its checksum does not match its contents')
  const flat = (i: number): Float32Array => {
    const from = FIXED + headerBytes + 4 * i * count
    return new Float32Array(bytes.slice(from, from + 4 * count).buffer)
  }
  const { shape, adapts, step, average, best, cursor, tokenizer, losses, about } = header
  const state = {
    weights: flat(0),
    m: flat(1),
    v: flat(2),
    ...(average ? { average: flat(3) } : {}),
    step,
  }
  return {
    ok: true,
    checkpoint: {
      shape,
      ...(adapts ? { adapts } : {}),
      cursor,
      tokenizer,
      losses,
      about,
      state,
      ...(best ? { best: { ...best, weights: flat(average ? 4 : 3) } } : {}),
    },
  }
}

type Header = Omit<Checkpoint, 'state' | 'best'> & {
  readonly step: number
  readonly average: boolean
  readonly best?: Omit<BestWeights, 'weights'>
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max

/** The header with every field checked; `undefined` if one is wrong. */
function parseHeader(bytes: Uint8Array): Header | undefined {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (!isRecord(raw)) return undefined
  const { shape: rawShape, step, cursor, tokenizer, losses, about } = raw
  const shape = parseShape(rawShape)
  if (
    !shape ||
    !isCount(step, MAX_STEP) ||
    !isRecord(cursor) ||
    !isRecord(tokenizer) ||
    !Array.isArray(losses) ||
    typeof about !== 'string'
  )
    return undefined
  const { epoch, next, random } = cursor
  if (
    !isCount(epoch, MAX_STEP) ||
    !isCount(next, MAX_STEP) ||
    !Array.isArray(random) ||
    random.length > 64 ||
    !random.every((word) => isCount(word, 2 ** 32 - 1))
  )
    return undefined
  if (typeof tokenizer['json'] !== 'string' || typeof tokenizer['config'] !== 'string') return undefined
  const points = losses.flatMap((item: unknown): StoredLoss[] => {
    if (!isRecord(item) || !isCount(item['step'], MAX_STEP) || typeof item['train'] !== 'number') return []
    return [
      {
        step: item['step'],
        train: item['train'],
        ...(typeof item['heldOut'] === 'number' ? { heldOut: item['heldOut'] } : {}),
        ...(typeof item['wrong'] === 'number' ? { errorRate: item['wrong'] } : {}),
        ...(isCount(item['evaluated'], MAX_STEP) ? { evaluated: item['evaluated'] } : {}),
      },
    ]
  })
  if (points.length !== losses.length) return undefined
  const best = parseBest(raw['best'])
  if (raw['best'] !== undefined && !best) return undefined
  const adapts = parseAdapters(raw['adapts'])
  if (raw['adapts'] !== undefined && !adapts) return undefined
  return {
    shape,
    ...(adapts ? { adapts } : {}),
    step,
    average: raw['average'] === true,
    ...(best ? { best } : {}),
    cursor: { epoch, next, random },
    tokenizer: { json: tokenizer['json'], config: tokenizer['config'] },
    losses: points,
    about,
  }
}

function parseBest(raw: unknown): Omit<BestWeights, 'weights'> | undefined {
  if (!isRecord(raw)) return undefined
  const { step, heldOut } = raw
  return isCount(step, MAX_STEP) && typeof heldOut === 'number' && Number.isFinite(heldOut)
    ? { step, heldOut }
    : undefined
}

/** A larger rank than any projection has means a broken file. */
const MAX_RANK = 16_384

function parseAdapters(raw: unknown): AdapterOptions | undefined {
  if (!isRecord(raw)) return undefined
  const { rank, alpha, targets: named } = raw
  if (
    !isCount(rank, MAX_RANK) ||
    rank < 1 ||
    typeof alpha !== 'number' ||
    !(alpha > 0) ||
    !Number.isFinite(alpha) ||
    !Array.isArray(named)
  )
    return undefined
  const targets = named.flatMap((name: unknown): AdapterTarget[] =>
    ADAPTER_TARGETS.filter((known) => known === name),
  )
  return targets.length > 0 && targets.length === named.length ? { rank, alpha, targets } : undefined
}

/** Sizes far beyond what can be trained here mean a broken file, not a large student. */
const MAX_SIZES = {
  layers: 256,
  width: 16384,
  heads: 1024,
  kvHeads: 1024,
  headWidth: 1024,
  feedForward: 65536,
  vocabulary: 1_000_000,
  context: 1_000_000,
} as const

const MAX_CLASSES = 65_536

function parseShape(raw: unknown): DecoderShape | undefined {
  if (!isRecord(raw)) return undefined
  const { classes } = raw
  if (classes !== undefined && (!isCount(classes, MAX_CLASSES) || classes < 1)) return undefined
  const size = (name: keyof typeof MAX_SIZES): number => (isCount(raw[name], MAX_SIZES[name]) ? raw[name] : 0)
  const real = (name: string): number =>
    typeof raw[name] === 'number' && Number.isFinite(raw[name]) && raw[name] > 0 ? raw[name] : 0
  const ropeTheta = real('ropeTheta')
  const normEpsilon = real('normEpsilon')
  if (!ropeTheta || !normEpsilon || raw['tiedHead'] !== true) return undefined
  return {
    layers: size('layers'),
    width: size('width'),
    heads: size('heads'),
    kvHeads: size('kvHeads'),
    headWidth: size('headWidth'),
    feedForward: size('feedForward'),
    vocabulary: size('vocabulary'),
    context: size('context'),
    ropeTheta,
    normEpsilon,
    tiedHead: true,
    ...(classes === undefined ? {} : { classes }),
  }
}
