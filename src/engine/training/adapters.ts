// Knows: low-rank adapters (LoRA): which matrices they have, their initial values, what they add to a projection, how
// they are merged into it.
// Must not know: files, sessions.
import type { Graph, Value } from '../graph/graph.ts'
import { add, concat, constantOfShape, gemm, mul } from '../graph/ops/index.ts'
import { qkvWidth, type DecoderShape } from '../models/shape.ts'
import { countOf, listParameters, viewParameters, type Flat, type Parameter } from './parameters.ts'

/** Projections that an adapter can be attached to, in the order of their parameters. */
export const ADAPTER_TARGETS = ['q', 'k', 'v', 'output', 'gate', 'up', 'down'] as const
export type AdapterTarget = (typeof ADAPTER_TARGETS)[number]

/** A projection W [in, out] becomes W + (alpha / rank) · A · B. Source: Hu et al. 2021, section 4.1. */
export interface AdapterOptions {
  /** Columns of A [in, rank] and rows of B [rank, out], 1 or more. */
  readonly rank: number
  /** Above 0. */
  readonly alpha: number
  readonly targets: readonly AdapterTarget[]
}

/** Rows and columns of a target's projection, and where its columns start in the parameter that contains it. */
function locate(
  { width, heads, kvHeads, headWidth, feedForward }: DecoderShape,
  target: AdapterTarget,
): {
  readonly rows: number
  readonly columns: number
  readonly parameter: 'qkv' | 'output' | 'gate' | 'up' | 'down'
  readonly from: number
} {
  const [queries, keys] = [heads * headWidth, kvHeads * headWidth]
  switch (target) {
    case 'q':
      return { rows: width, columns: queries, parameter: 'qkv', from: 0 }
    case 'k':
      return { rows: width, columns: keys, parameter: 'qkv', from: queries }
    case 'v':
      return { rows: width, columns: keys, parameter: 'qkv', from: queries + keys }
    case 'output':
      return { rows: queries, columns: width, parameter: 'output', from: 0 }
    case 'gate':
      return { rows: width, columns: feedForward, parameter: 'gate', from: 0 }
    case 'up':
      return { rows: width, columns: feedForward, parameter: 'up', from: 0 }
    case 'down':
      return { rows: feedForward, columns: width, parameter: 'down', from: 0 }
    default:
      return target satisfies never
  }
}

const nameOf = (layer: number, target: AdapterTarget, side: 'A' | 'B'): string =>
  `layer ${layer} ${target} ${side}`
const selectTargets = ({ targets }: Pick<AdapterOptions, 'targets'>): AdapterTarget[] =>
  ADAPTER_TARGETS.filter((target) => targets.includes(target))

/**
 * The parameters of adapters, layer by layer: `layer 0 q A` [in, rank], `layer 0 q B` [rank, out] and so on. Throws a
 * RangeError if there are none.
 */
export function listAdapters(shape: DecoderShape, { rank, targets }: AdapterOptions): Parameter[] {
  if (!Number.isInteger(rank) || rank < 1)
    throw new RangeError(`The rank ${rank} is not valid: it must be a whole number of 1 or more.`)
  if (selectTargets({ targets }).length === 0) throw new RangeError('Adapters need at least one projection.')
  return Array.from({ length: shape.layers }, (_, layer) =>
    selectTargets({ targets }).flatMap((target): Parameter[] => {
      const { rows, columns } = locate(shape, target)
      return [
        { name: nameOf(layer, target, 'A'), shape: [rows, rank], decays: true },
        { name: nameOf(layer, target, 'B'), shape: [rank, columns], decays: true },
      ]
    }),
  ).flat()
}

/** The parameters that are trained: the adapters, or the decoder itself if there are none. */
export const listTrainable = (shape: DecoderShape, adapts: AdapterOptions | undefined): Parameter[] =>
  adapts ? listAdapters(shape, adapts) : listParameters(shape)

/**
 * Initial values, which leave the model unchanged: A uniform between ±1 / √in, B zero, as in peft (Kaiming
 * initialization with a = √5). `uniform` returns draws in [0, 1); equal draws give equal adapters.
 */
export function initialAdapters(shape: DecoderShape, options: AdapterOptions, uniform: () => number): Flat {
  const parameters = listAdapters(shape, options)
  const flat = new Float32Array(countOf(parameters))
  for (const [name, view] of viewParameters(parameters, flat)) {
    if (!name.endsWith(' A')) continue
    const bound = 1 / Math.sqrt(view.length / options.rank)
    for (let i = 0; i < view.length; i++) view[i] = (2 * uniform() - 1) * bound
  }
  return flat
}

/**
 * A projection of a layer plus its adapters. `product` is [positions, out] without them; q, k and v are side by side in
 * `qkv`.
 */
export function addAdapters(
  g: Graph,
  shape: DecoderShape,
  options: AdapterOptions,
  need: (name: string) => Value,
  {
    input,
    product,
    layer,
    name,
  }: {
    readonly input: Value
    readonly product: Value
    readonly layer: number
    readonly name: 'qkv' | 'output' | 'gate' | 'up' | 'down'
  },
): Value {
  const inParameter = ADAPTER_TARGETS.filter((target) => locate(shape, target).parameter === name)
  if (!inParameter.some((target) => options.targets.includes(target))) return product
  const scale = g.scalar(options.alpha / options.rank)
  const parts = inParameter.map((target) => {
    if (!options.targets.includes(target))
      return constantOfShape(g, [staticRows(input), locate(shape, target).columns], 0)
    return gemm(
      g,
      mul(g, gemm(g, input, need(nameOf(layer, target, 'A'))), scale),
      need(nameOf(layer, target, 'B')),
    )
  })
  return add(g, product, parts.length === 1 ? (parts[0] as Value) : concat(g, parts, 1))
}

function staticRows({ shape }: Value): number {
  const rows = shape[0]
  if (typeof rows !== 'number')
    throw new RangeError('The number of positions must be known when the graph is built.')
  return rows
}

/** The decoder's parameters with the adapters merged in, as a new array; `base` is not changed. */
export function mergeAdapters(
  shape: DecoderShape,
  options: AdapterOptions,
  base: Flat,
  adapters: Flat,
): Flat {
  const merged = base.slice()
  mergeInto(shape, options, merged, adapters)
  return merged
}

/** Like `mergeAdapters`, in place: saves a copy if the decoder is not needed without the adapters. */
export function mergeInto(shape: DecoderShape, options: AdapterOptions, merged: Flat, adapters: Flat): void {
  const weights = viewParameters(listParameters(shape), merged)
  const parts = viewParameters(listAdapters(shape, options), adapters)
  const need = (views: ReadonlyMap<string, Float32Array>, name: string): Float32Array => {
    const view = views.get(name)
    if (!view) throw new RangeError(`The parameter ${name} is missing.`)
    return view
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const target of selectTargets(options)) {
      const { rows, columns, parameter, from } = locate(shape, target)
      const whole = need(weights, `layer ${layer} ${parameter}`)
      const stride = parameter === 'qkv' ? qkvWidth(shape) : columns
      addProduct(
        { into: whole, from, stride, columns, rows },
        need(parts, nameOf(layer, target, 'A')),
        need(parts, nameOf(layer, target, 'B')),
        options,
      )
    }
  }
}

interface Patch {
  readonly into: Float32Array
  readonly from: number
  readonly stride: number
  readonly columns: number
  readonly rows: number
}

function addProduct(
  { into, from, stride, columns, rows }: Patch,
  a: Float32Array,
  b: Float32Array,
  { rank, alpha }: AdapterOptions,
): void {
  for (let row = 0; row < rows; row++) {
    const at = row * stride + from
    for (let r = 0; r < rank; r++) {
      const factor = ((a[row * rank + r] as number) * alpha) / rank
      for (let column = 0; column < columns; column++)
        into[at + column] = (into[at + column] as number) + factor * (b[r * columns + column] as number)
    }
  }
}
