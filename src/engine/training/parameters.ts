// Knows: which parameters a decoder has while it trains, in which order and form, and how they begin.
// Must not know: files, sessions.
import { elementsOf } from '../graph/dims.ts'
import { faultOfTraining, qkvWidth, type DecoderShape } from '../models/shape.ts'

export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** Weight decay applies: matrices yes, norms no. */
  readonly decays: boolean
}
/** One that begins with values drawn at random. */
export interface DrawnParameter extends Parameter {
  /** Standard deviation of its first values; 0 begins as ones. */
  readonly spread: number
}

/** The parameter [classes, width] that takes the embedding's place as head where a decoder answers with one of a few classes. */
export const CLASS_HEAD = 'class head'
/** The parameter that is the head of a shape. */
export const headOf = ({ classes }: Pick<DecoderShape, 'classes'>): string =>
  classes === undefined ? 'embedding' : CLASS_HEAD

const matrix = (name: string, rows: number, columns: number, spread = 0.02): DrawnParameter => ({
  name,
  shape: [rows, columns],
  decays: true,
  spread,
})

/**
 * Parameters of a decoder with a tied head. Projections are [in, out], q|k|v side by side: one product for three. Gate
 * and up are apart, since cutting their wide activations costs more than a larger product gains. Matrices come first, norms last, so that each kind can lie in one buffer.
 * A head of classes, where there is one, is the last matrix: all before it begin as they would without.
 * First values: normal with deviation 0.02, projections into the residual stream divided by √(2 · layers) (GPT-2).
 */
export function listParameters(shape: DecoderShape): DrawnParameter[] {
  const { layers, width, heads, headWidth, feedForward, vocabulary } = shape
  const beyond = faultOfTraining(shape)
  if (beyond !== undefined) throw new RangeError(`Training is not written for a decoder with ${beyond}.`)
  const norm = (name: string): DrawnParameter => ({ name, shape: [width], decays: false, spread: 0 })
  const residual = 0.02 / Math.sqrt(2 * layers)
  const each = <T>(make: (layer: number) => T[]): T[] =>
    Array.from({ length: layers }, (_, layer) => make(layer)).flat()
  return [
    matrix('embedding', vocabulary, width),
    ...each((i) => [
      matrix(`layer ${i} qkv`, width, qkvWidth(shape)),
      matrix(`layer ${i} output`, heads * headWidth, width, residual),
      matrix(`layer ${i} gate`, width, feedForward),
      matrix(`layer ${i} up`, width, feedForward),
      matrix(`layer ${i} down`, feedForward, width, residual),
    ]),
    ...(shape.classes === undefined ? [] : [matrix(CLASS_HEAD, shape.classes, width)]),
    ...each((i) => [norm(`layer ${i} attention norm`), norm(`layer ${i} feedForward norm`)]),
    norm('final norm'),
  ]
}

/** All parameters in one array, in the order of the list: how they are kept outside of graphs. */
export type Flat = Float32Array

export const countOf = (parameters: readonly Parameter[]): number =>
  parameters.reduce((sum, { shape }) => sum + elementsOf(shape), 0)

/** First values. `normal` gives standard normal draws; equal draws give equal weights. */
export function makeFirstWeights(parameters: readonly DrawnParameter[], normal: () => number): Flat {
  const flat = new Float32Array(countOf(parameters))
  let at = 0
  for (const { shape, spread } of parameters) {
    const end = at + elementsOf(shape)
    for (; at < end; at++) flat[at] = spread === 0 ? 1 : spread * normal()
  }
  return flat
}

/** Views of each parameter in the array that holds them all. */
export function viewParameters(parameters: readonly Parameter[], flat: Flat): Map<string, Float32Array> {
  const views = new Map<string, Float32Array>()
  let at = 0
  for (const { name, shape } of parameters) {
    const count = elementsOf(shape)
    views.set(name, flat.subarray(at, at + count))
    at += count
  }
  return views
}
