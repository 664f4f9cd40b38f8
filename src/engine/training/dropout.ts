// Knows: dropout of what a layer adds to the residual stream (Srivastava et al. 2014; placed as in GPT-2): masks are
// passed in, so that equal draws give equal steps on every backend.
import type { Graph, Value } from '../graph/graph.ts'
import { mul } from '../graph/ops/index.ts'
import type { DecoderShape } from '../models/shape.ts'

/** Masks of a step: after attention and after the feed-forward layer, in every layer. */
export const dropoutSites = ({ layers }: Pick<DecoderShape, 'layers'>): string[] =>
  Array.from({ length: layers }, (_, i) => [`drop ${i} output`, `drop ${i} down`]).flat()

/** Adds the mask inputs and returns what applies them: `name` is the projection whose output gets dropout. */
export function addDropout(
  g: Graph,
  shape: DecoderShape,
  positions: number,
): (x: Value, layer: number, name: string) => Value {
  const masks = new Map(
    dropoutSites(shape).map((site) => [site, g.input(site, 'f32', [positions, shape.width])]),
  )
  return (x, layer, name) => {
    const mask = masks.get(`drop ${layer} ${name}`)
    return mask ? mul(g, x, mask) : x
  }
}

/**
 * `count` numbers: 0 for the share that is dropped, 1 / (1 − share) for the others. `random` returns numbers in [0, 1)
 * of 32 bits; each is used for two entries.
 */
export function makeDropoutMask(random: () => number, share: number, count: number): Float32Array {
  const scale = 1 / (1 - share)
  const limit = Math.round(share * 65_536)
  const mask = new Float32Array(count)
  for (let i = 0; i < count; i += 2) {
    const word = Math.floor(random() * 4_294_967_296)
    mask[i] = word >>> 16 < limit ? 0 : scale
    if (i + 1 < count) mask[i + 1] = (word & 0xffff) < limit ? 0 : scale
  }
  return mask
}
