// Knows: how a loaded model becomes the frozen parameters under adapters.
// Must not know: files, sessions.
import type { LinearWeight, LoadedWeights } from '../models/decoder-weights.ts'
import { countOf, listParameters, viewParameters, type Flat } from './parameters.ts'

/**
 * All parameters of a loaded decoder in a new array, in the order of `listParameters`. Throws a RangeError if the
 * weights are packed or the decoder has features that training does not support (findUntrainable).
 */
export function readFrozen(weights: LoadedWeights): Flat {
  const { shape } = weights
  const { layers, width, feedForward, vocabulary } = shape
  const parameters = listParameters(shape)
  const flat = new Float32Array(countOf(parameters))
  const views = viewParameters(parameters, flat)
  const need = (name: string): Float32Array => {
    const view = views.get(name)
    if (!view) throw new RangeError(`A decoder has no ${name}.`)
    return view
  }
  const embedding = need('embedding')
  for (let id = 0; id < vocabulary; id++) weights.embedRow(id, embedding, id * width)
  for (let layer = 0; layer < layers; layer++) {
    for (const which of ['qkv', 'output', 'down'] as const)
      need(`layer ${layer} ${which}`).set(floatsOf(weights.linear(layer, which)))
    const both = floatsOf(weights.linear(layer, 'gateUp'))
    const [gate, up] = [need(`layer ${layer} gate`), need(`layer ${layer} up`)]
    for (let row = 0; row < width; row++) {
      const from = 2 * row * feedForward
      gate.set(both.subarray(from, from + feedForward), row * feedForward)
      up.set(both.subarray(from + feedForward, from + 2 * feedForward), row * feedForward)
    }
    for (const which of ['attention', 'feedForward'] as const)
      need(`layer ${layer} ${which} norm`).set(weights.norm(layer, which))
  }
  need('final norm').set(weights.norm(layers, 'final'))
  return flat
}

function floatsOf(weight: LinearWeight): Float32Array {
  if (weight.kind !== 'f32') throw new RangeError('Adapters need weights that were loaded as floats.')
  return weight.data
}
