// Knows: the form of a checkpoint file: weights, moments, averages, step, data cursor, random state, shape, tokenizer, losses.
// Must not know: where it is kept, what it is a student of (`about` is opaque text).
import { faultOfShape, type DecoderShape } from '../models/shape.ts'
import { ADAPTER_TARGETS, listTrained, type AdapterOptions, type AdapterTarget } from './adapters.ts'
import type { Cursor } from './batch-order.ts'
import { crc32 } from './crc32.ts'
import { countOf, type Flat } from './parameters.ts'
import type { TrainState } from './trainer.ts'

export interface StoredLoss {
  readonly step: number
  readonly train: number
  readonly heldOut?: number
  /** Share of the held-out rows that were answered wrongly, where answers are right or wrong. */
  readonly wrong?: number
}
/** The weights with the lowest held-out loss so far, where training may end early. */
export interface BestWeights {
  readonly step: number
  readonly heldOut: number
  readonly weights: Flat
}
export interface Checkpoint {
  readonly shape: DecoderShape
  /** Where adapters are trained: what they are. The state and the best weights are theirs; the decoder that they lie on is not here. */
  readonly adapts?: AdapterOptions
  readonly state: TrainState
  readonly best?: BestWeights
  readonly cursor: Cursor
  /** `tokenizer.json` and `tokenizer_config.json` as texts. */
  readonly tokenizer: { readonly json: string; readonly config: string }
  readonly losses: readonly StoredLoss[]
  /** What the owner wants to find again, as text. */
  readonly about: string
}
/** What the student is (or its adapters are): its best weights where they are kept, else their running average, else the last ones. */
export const finalWeights = ({ state, best }: Pick<Checkpoint, 'state' | 'best'>): Flat =>
  best?.weights ?? state.average ?? state.weights

export type CheckpointRead =
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly sentence: string }

// Layout, little-endian: magic (8 bytes), version u32, length of the JSON header u32, header (UTF-8, padded with spaces to a
// multiple of 4), weights, first and second moments, the average and the best weights (as the header says) as f32, CRC-32 of
// everything before it u32.
const MAGIC = new TextEncoder().encode('RETORTCK')
const VERSION = 1
const FIXED = MAGIC.length + 8
/** Headers hold a tokenizer of at most some 100,000 entries and a loss a step. */
const LARGEST_HEADER = 64 * 2 ** 20
const LARGEST_STEP = 1e9

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
  const kept = {
    average: state.average !== undefined,
    ...(best ? { best: { step: best.step, heldOut: best.heldOut } } : {}),
  }
  const json = new TextEncoder().encode(
    JSON.stringify({
      shape,
      ...(adapts ? { adapts } : {}),
      step: state.step,
      ...kept,
      cursor,
      tokenizer,
      losses,
      about,
    }),
  )
  const flats = [
    state.weights,
    state.first,
    state.second,
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

const refuse = (why: string): CheckpointRead => ({
  ok: false,
  sentence: `The checkpoint cannot be used: ${why}. Train this student again from the start.`,
})

/** Reads a file back; anything that is not a whole checkpoint is refused with a sentence. Never throws. */
export function readCheckpoint(bytes: Uint8Array): CheckpointRead {
  if (bytes.length < FIXED + 4)
    return refuse(bytes.length ? `it ends after ${bytes.length} bytes` : 'it is empty')
  if (!MAGIC.every((byte, i) => byte === bytes[i])) return refuse('it is not a checkpoint file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    return refuse(`it has version ${version}, and this program reads version ${VERSION}`)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes > LARGEST_HEADER || FIXED + headerBytes + 4 > bytes.length)
    return refuse('it is cut off in its header')
  const header = parseHeader(bytes.subarray(FIXED, FIXED + headerBytes))
  if (!header) return refuse('its header is broken')
  const fault = faultOfShape(header.shape)
  if (fault) return refuse(fault.replace(/\.$/, ''))
  const count = countOf(listTrained(header.shape, header.adapts))
  const wanted = FIXED + headerBytes + 4 * (3 + (header.average ? 1 : 0) + (header.best ? 1 : 0)) * count + 4
  if (bytes.length !== wanted) return refuse(`it has ${bytes.length} bytes where its shape needs ${wanted}`)
  if (view.getUint32(wanted - 4, true) !== crc32(bytes.subarray(0, wanted - 4)))
    return refuse('its check sum does not fit its contents')
  const flat = (i: number): Float32Array => {
    const from = FIXED + headerBytes + 4 * i * count
    return new Float32Array(bytes.slice(from, from + 4 * count).buffer)
  }
  const { shape, adapts, step, average, best, cursor, tokenizer, losses, about } = header
  const state = {
    weights: flat(0),
    first: flat(1),
    second: flat(2),
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
const isCount = (value: unknown, largest: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest

/** The header with every field checked; `undefined` where one is wrong. */
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
    !isCount(step, LARGEST_STEP) ||
    !isRecord(cursor) ||
    !isRecord(tokenizer) ||
    !Array.isArray(losses) ||
    typeof about !== 'string'
  )
    return undefined
  const { epoch, next, random } = cursor
  if (
    !isCount(epoch, LARGEST_STEP) ||
    !isCount(next, LARGEST_STEP) ||
    !Array.isArray(random) ||
    random.length > 64 ||
    !random.every((word) => isCount(word, 2 ** 32 - 1))
  )
    return undefined
  if (typeof tokenizer['json'] !== 'string' || typeof tokenizer['config'] !== 'string') return undefined
  const points = losses.flatMap((item: unknown): StoredLoss[] => {
    if (!isRecord(item) || !isCount(item['step'], LARGEST_STEP) || typeof item['train'] !== 'number')
      return []
    return [
      {
        step: item['step'],
        train: item['train'],
        ...(typeof item['heldOut'] === 'number' ? { heldOut: item['heldOut'] } : {}),
        ...(typeof item['wrong'] === 'number' ? { wrong: item['wrong'] } : {}),
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
  return isCount(step, LARGEST_STEP) && typeof heldOut === 'number' && Number.isFinite(heldOut)
    ? { step, heldOut }
    : undefined
}

/** A rank beyond what any projection has is a broken file. */
const LARGEST_RANK = 16_384

function parseAdapters(raw: unknown): AdapterOptions | undefined {
  if (!isRecord(raw)) return undefined
  const { rank, alpha, targets: named } = raw
  if (
    !isCount(rank, LARGEST_RANK) ||
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

/** Sizes far beyond what can be trained here are a broken file, not a big student. */
const LARGEST_SIZES = {
  layers: 256,
  width: 16384,
  heads: 1024,
  kvHeads: 1024,
  headWidth: 1024,
  feedForward: 65536,
  vocabulary: 1_000_000,
  context: 1_000_000,
} as const

const LARGEST_CLASSES = 65_536

function parseShape(raw: unknown): DecoderShape | undefined {
  if (!isRecord(raw)) return undefined
  const { classes } = raw
  if (classes !== undefined && (!isCount(classes, LARGEST_CLASSES) || classes < 1)) return undefined
  const size = (name: keyof typeof LARGEST_SIZES): number =>
    isCount(raw[name], LARGEST_SIZES[name]) ? raw[name] : 0
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
