// Knows: how a Hugging Face config.json describes a decoder, and why some cannot be built.
// Must not know: where it came from, tensors.
// The names are those of transformers' configuration classes, in the form before version 5 (`rope_theta`,
// `rope_scaling`) and since (`rope_parameters`); missing fields have the defaults of these classes.
import {
  ARCHITECTURES,
  findModelType,
  linearFactors,
  llama3Factors,
  makeShape,
  type Architecture,
} from '../../models/architectures/index.ts'
import { findShapeProblem, type DecoderShape } from '../../models/shape.ts'
import { quote, quoteValue } from '../quote.ts'

export type ConfigShape =
  | { readonly ok: true; readonly shape: DecoderShape; readonly architecture: Architecture }
  | { readonly ok: false; readonly sentence: string }

type Fields = Readonly<Record<string, unknown>>
/** Thrown and caught in this file only. */
class Refusal {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}
/** More layers than any model has: lists of this length are created from what a file states. */
const MAX_LAYERS = 10_000
const MAX_HEAD_WIDTH = 65_536

/** The shape that a parsed config.json describes, or a sentence. Never throws, for any input. */
export function shapeFromConfig(config: unknown): ConfigShape {
  try {
    const { fields, architecture, modelType } = readKind(config)
    refuseFeatures(fields, architecture)
    const shape = readShape(fields, architecture, modelType)
    const problem = findShapeProblem(shape)
    return problem === undefined
      ? { ok: true, shape, architecture }
      : refuse(`its sizes do not fit together (${problem})`)
  } catch (thrown) {
    if (thrown instanceof Refusal) return refuse(thrown.reason)
    return refuse(
      `its config.json could not be read (${thrown instanceof Error ? thrown.message : String(thrown)})`,
    )
  }
}

const refuse = (reason: string): ConfigShape => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose another one.`,
})

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readKind(config: unknown): { fields: Fields; architecture: Architecture; modelType: string } {
  if (!isFields(config)) throw new Refusal('its config.json is not an object')
  const modelType = config['model_type']
  if (typeof modelType !== 'string') throw new Refusal('its config.json has no "model_type"')
  const architecture = findModelType(modelType)
  if (architecture === undefined)
    throw new Refusal(
      `its "model_type" is ${quote(modelType)}, and only ${ARCHITECTURES.flatMap(
        ({ modelTypes }) => modelTypes,
      )
        .map((known) => `"${known}"`)
        .join(', ')} are supported`,
    )
  // A model that also reads images has the config of its text model in a separate object.
  const inner = config['text_config']
  const fields = isFields(inner) ? { ...config, ...inner } : config
  return {
    fields: {
      ...architecture.defaults,
      ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)),
    },
    architecture,
    modelType,
  }
}

/** Refuses features that change what the model computes and that the decoder does not support. */
function refuseFeatures(fields: Fields, { activation, qkvBias }: Architecture): void {
  const has = (name: string): boolean => fields[name] !== undefined && fields[name] !== false
  if (has('quantization_config'))
    throw new Refusal(
      'its weights have a quantisation that is not supported ("quantization_config"); use the unquantised model or a GGUF file of it',
    )
  const gate = fields['hidden_activation'] ?? fields['hidden_act'] ?? activation.named
  if (gate !== activation.named)
    throw new Refusal(`its activation is ${quoteValue(gate)}, and ${activation.named} was expected`)
  if (has('attention_bias') && qkvBias !== true)
    throw new Refusal('it has biases in attention, which the decoder does not support for its architecture')
  if (has('mlp_bias'))
    throw new Refusal('it has biases in its feed-forward layers, which the decoder does not support')
  for (const name of ['attn_logit_softcapping', 'final_logit_softcapping'])
    if (has(name)) throw new Refusal(`it has softcapping ("${name}"), which the decoder does not support`)
  if (has('use_bidirectional_attention'))
    throw new Refusal(
      'it has bidirectional attention ("use_bidirectional_attention"), so it cannot generate text',
    )
  for (const name of ['num_local_experts', 'num_experts'])
    if (typeof fields[name] === 'number' && fields[name] > 1)
      throw new Refusal('it is a mixture of experts, which the decoder does not support')
  if ((fields['partial_rotary_factor'] ?? 1) !== 1)
    throw new Refusal(
      'it rotates only a part of each head (partial RoPE), which the decoder does not support',
    )
}

function readShape(fields: Fields, architecture: Architecture, modelType: string): DecoderShape {
  const optional = (name: string): number | undefined => {
    const value = fields[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw new Refusal(`"${name}" is ${quoteValue(value)} in its config.json; a number above 0 was expected`)
    return value
  }
  const number = (name: string): number => {
    const value = optional(name)
    if (value === undefined) throw new Refusal(`"${name}" is missing in its config.json`)
    return value
  }
  const layers = number('num_hidden_layers')
  if (layers > MAX_LAYERS) throw new Refusal(`it claims to have ${layers} layers`)
  const [width, heads] = [number('hidden_size'), number('num_attention_heads')]
  const headWidth = optional('head_dim') ?? width / heads
  if (headWidth > MAX_HEAD_WIDTH) throw new Refusal(`it claims a head width of ${headWidth}`)
  const context = number('max_position_embeddings')
  const { ropeTheta, ropeFactors, windowTheta } = readRope(fields, headWidth, context)
  const scalar = optional('query_pre_attn_scalar')
  return makeShape(architecture, {
    layers,
    width,
    heads,
    kvHeads: optional('num_key_value_heads') ?? heads,
    headWidth,
    feedForward: number('intermediate_size'),
    vocabulary: number('vocab_size'),
    context,
    ropeTheta,
    normEpsilon: number('rms_norm_eps'),
    tiedHead: fields['tie_word_embeddings'] === true,
    ...(ropeFactors === undefined ? {} : { ropeFactors }),
    ...(scalar === undefined ? {} : { attentionScale: 1 / Math.sqrt(scalar) }),
    ...readWindow(fields, architecture, modelType, layers, windowTheta),
    ...readNoRope(fields, layers),
  })
}

/** Base and factors of RoPE, and the base in layers with a window if it differs. */
function readRope(
  fields: Fields,
  headWidth: number,
  context: number,
): { ropeTheta: number; ropeFactors?: number[]; windowTheta?: number } {
  const given = fields['rope_parameters']
  const both = isFields(given) ? given : {}
  // Since version 5, each kind of layer may have its own RoPE parameters.
  const [whole, inWindow] = isFields(both['full_attention'])
    ? [both['full_attention'], both['sliding_attention']]
    : [both, undefined]
  const scaling = isFields(fields['rope_scaling']) ? { ...whole, ...fields['rope_scaling'] } : whole
  const numberIn = (from: Fields, name: string): number => {
    const value = from[name]
    if (value === undefined) throw new Refusal(`"${name}" is missing in its config.json`)
    if (typeof value !== 'number' || !(value > 0 && value < Infinity))
      throw new Refusal(
        `"${name}" of its RoPE is ${quoteValue(value)} in its config.json; a number above 0 was expected`,
      )
    return value
  }
  const ropeTheta = numberIn({ rope_theta: fields['rope_theta'], ...whole }, 'rope_theta')
  const windowTheta =
    isFields(inWindow) && inWindow['rope_theta'] !== undefined
      ? numberIn(inWindow, 'rope_theta')
      : fields['rope_local_base_freq'] === undefined
        ? undefined
        : numberIn(fields, 'rope_local_base_freq')
  const localType = isFields(inWindow) ? (inWindow['rope_type'] ?? 'default') : 'default'
  if (localType !== 'default')
    throw new Refusal(
      `it has scaled RoPE in its layers with a window (${quoteValue(localType)}), which the decoder does not support`,
    )
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default'
  const base = { ropeTheta, ...(windowTheta === undefined ? {} : { windowTheta }) }
  switch (type) {
    case 'default':
      return base
    case 'linear':
      return { ...base, ropeFactors: linearFactors({ headWidth }, numberIn(scaling, 'factor')) }
    case 'llama3':
      return {
        ...base,
        ropeFactors: llama3Factors(
          { headWidth, ropeTheta },
          {
            factor: numberIn(scaling, 'factor'),
            lowFrequencyFactor: numberIn(scaling, 'low_freq_factor'),
            highFrequencyFactor: numberIn(scaling, 'high_freq_factor'),
            originalContext: numberIn(
              { original_max_position_embeddings: context, ...scaling },
              'original_max_position_embeddings',
            ),
          },
        ),
      }
    default:
      throw new Refusal(`it has a RoPE scaling (${quoteValue(type)}) that the decoder does not support`)
  }
}

function readWindow(
  fields: Fields,
  { windows }: Architecture,
  modelType: string,
  layers: number,
  windowTheta: number | undefined,
): { window?: number; windowTheta?: number; localLayers?: readonly boolean[] } {
  const window = fields['sliding_window']
  const counts = fields['use_sliding_window'] === true || (windows?.modelTypes.includes(modelType) ?? false)
  if (!counts || window === undefined) return {}
  if (typeof window !== 'number')
    throw new Refusal(`"sliding_window" is ${quoteValue(window)} in its config.json; a number was expected`)
  const known = { window, ...(windowTheta === undefined ? {} : { windowTheta }) }
  const types = fields['layer_types']
  if (Array.isArray(types)) {
    const unknown: unknown = types.find(
      (type: unknown) => type !== 'full_attention' && type !== 'sliding_attention',
    )
    if (unknown !== undefined)
      throw new Refusal(
        `it has layers of the kind ${quoteValue(unknown)}, which the decoder does not support`,
      )
    return { ...known, localLayers: types.map((type: unknown) => type === 'sliding_attention') }
  }
  const [pattern, from] = [fields['sliding_window_pattern'], fields['max_window_layers']]
  const each = (is: (layer: number) => boolean): boolean[] =>
    Array.from({ length: layers }, (_, layer) => is(layer))
  if (typeof pattern === 'number')
    return { ...known, localLayers: each((layer) => (layer + 1) % pattern !== 0) }
  if (typeof from === 'number') return { ...known, localLayers: each((layer) => layer >= from) }
  if (windows === undefined) throw new Refusal('it does not state which of its layers have a sliding window')
  return known
}

/** `no_rope_layers` has a 1 for each layer with RoPE. */
function readNoRope(fields: Fields, layers: number): { noRope?: readonly boolean[] } {
  const list = fields['no_rope_layers']
  if (Array.isArray(list)) return { noRope: list.slice(0, layers).map((rotates: unknown) => rotates === 0) }
  const every = fields['no_rope_layer_interval']
  return typeof every === 'number' && every > 0
    ? { noRope: Array.from({ length: layers }, (_, layer) => (layer + 1) % every === 0) }
    : {}
}
