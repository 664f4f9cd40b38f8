// Knows: which parameters a decoder has in training, their order and form, and their initial values.
// Must not know: files, sessions.
import { elementsOf } from '../graph/dims.ts'
import { findUntrainable, qkvWidth, type DecoderShape } from '../models/shape.ts'

export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** Weight decay applies: true for matrices, false for norms. */
  readonly decays: boolean
}
/** A parameter with random initial values. */
export interface DrawnParameter extends Parameter {
  /** Standard deviation of its initial values; 0: all ones. */
  readonly std: number
}

/** The parameter [classes, width] that replaces the embedding as head of a decoder that classifies. */
export const CLASS_HEAD = 'class head'
/** The parameter that is the head of a decoder of this shape. */
export const headOf = ({ classes }: Pick<DecoderShape, 'classes'>): string =>
  classes === undefined ? 'embedding' : CLASS_HEAD

const matrix = (name: string, rows: number, columns: number, std = 0.02): DrawnParameter => ({
  name,
  shape: [rows, columns],
  decays: true,
  std,
})

/**
 * Parameters of a decoder with a tied head. Projections are [in, out], q|k|v side by side: one product for three. Gate
 * and up are separate, since splitting their wide activations costs more than a larger product gains. Matrices come
 * first, norms last, so that each kind fits into one buffer.
 * A class head, if there is one, is the last matrix: the initial values of those before it do not depend on it.
 * Initial values: normal with standard deviation 0.02, projections into the residual stream divided by √(2 · layers)
 * (GPT-2).
 */
export function listParameters(shape: DecoderShape): DrawnParameter[] {
  const { layers, width, heads, headWidth, feedForward, vocabulary } = shape
  const untrainable = findUntrainable(shape)
  if (untrainable !== undefined)
    throw new RangeError(`Training does not support a decoder with ${untrainable}.`)
  const norm = (name: string): DrawnParameter => ({ name, shape: [width], decays: false, std: 0 })
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

/** All parameters in one array, in the order of the list: their form outside graphs. */
export type Flat = Float32Array

export const countOf = (parameters: readonly Parameter[]): number =>
  parameters.reduce((sum, { shape }) => sum + elementsOf(shape), 0)

/** Initial values. `normal` returns standard normal draws; equal draws give equal weights. */
export function initialWeights(parameters: readonly DrawnParameter[], normal: () => number): Flat {
  const flat = new Float32Array(countOf(parameters))
  let at = 0
  for (const { shape, std } of parameters) {
    const end = at + elementsOf(shape)
    for (; at < end; at++) flat[at] = std === 0 ? 1 : std * normal()
  }
  return flat
}

/** Views of each parameter in the flat array. */
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
