// Knows: how a config.json of Hugging Face says which decoder its tensors make, and why some cannot be built.
// Must not know: where it came from, tensors.
// The names are those of transformers' configuration classes, in the form before version 5 (`rope_theta`, `rope_scaling`) and since
// (`rope_parameters`); what stands for a missing one is what they take.
import {
  ARCHITECTURES,
  findModelType,
  linearFactors,
  llama3Factors,
  makeShape,
  type Architecture,
} from '../models/architectures/index.ts'
import { faultOfShape, type DecoderShape } from '../models/shape.ts'
import { quote } from './quote.ts'

export type ConfigShape =
  | { readonly ok: true; readonly shape: DecoderShape; readonly architecture: Architecture }
  | { readonly ok: false; readonly sentence: string }

type Fields = Readonly<Record<string, unknown>>
/** Thrown inside this file only, caught there. */
class Refusal {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}
/** More layers than any model has: lists of them are made from what a file says. */
const MOST_LAYERS = 10_000
const WIDEST_HEAD = 65_536

/** The shape that a parsed config.json describes, or a sentence. Never throws, whatever it is given. */
export function shapeFromConfig(config: unknown): ConfigShape {
  try {
    const { fields, architecture, modelType } = readKind(config)
    refuseFeatures(fields, architecture)
    const shape = readShape(fields, architecture, modelType)
    const fault = faultOfShape(shape)
    return fault === undefined
      ? { ok: true, shape, architecture }
      : refuse(`its sizes do not fit together (${fault})`)
  } catch (thrown) {
    if (thrown instanceof Refusal) return refuse(thrown.why)
    return refuse(
      `its config.json could not be read (${thrown instanceof Error ? thrown.message : String(thrown)})`,
    )
  }
}

const refuse = (why: string): ConfigShape => ({
  ok: false,
  sentence: `This model cannot be used: ${why}. Choose another one.`,
})

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readKind(config: unknown): { fields: Fields; architecture: Architecture; modelType: string } {
  if (!isFields(config)) throw new Refusal('its config.json is no object')
  const modelType = config['model_type']
  if (typeof modelType !== 'string')
    throw new Refusal('its config.json does not say which "model_type" it has')
  const architecture = findModelType(modelType)
  if (architecture === undefined)
    throw new Refusal(
      `its "model_type" is ${quote(modelType)}, and only ${ARCHITECTURES.flatMap(
        ({ modelTypes }) => modelTypes,
      )
        .map((known) => `"${known}"`)
        .join(', ')} are read so far`,
    )
  // A model that also sees has its text model's numbers apart.
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

/** What changes what the model computes and is not done here. */
function refuseFeatures(fields: Fields, { activation, qkvBias }: Architecture): void {
  const has = (name: string): boolean => fields[name] !== undefined && fields[name] !== false
  if (has('quantization_config'))
    throw new Refusal(
      'its weights were quantised in a way of their own ("quantization_config"), which is not read; the model it was made from, or a GGUF file of it, would do',
    )
  const gate = fields['hidden_activation'] ?? fields['hidden_act'] ?? activation.named
  if (gate !== activation.named)
    throw new Refusal(`its activation is ${quote(String(gate))}, and ${activation.named} was expected`)
  if (has('attention_bias') && qkvBias !== true)
    throw new Refusal(
      'it adds biases in attention, which the decoder here does not have for its architecture',
    )
  if (has('mlp_bias'))
    throw new Refusal('it adds biases in its feed-forward layers, which the decoder here does not have')
  for (const name of ['attn_logit_softcapping', 'final_logit_softcapping'])
    if (has(name)) throw new Refusal(`it caps its numbers ("${name}"), which the decoder here does not do`)
  if (has('use_bidirectional_attention'))
    throw new Refusal(
      'it reads backwards as well as forwards ("use_bidirectional_attention"), so it is made to read and not to write',
    )
  for (const name of ['num_local_experts', 'num_experts'])
    if (typeof fields[name] === 'number' && fields[name] > 1)
      throw new Refusal('it is a mixture of experts, which the decoder here does not have')
  if ((fields['partial_rotary_factor'] ?? 1) !== 1)
    throw new Refusal('it turns only a part of each head (partial RoPE), which is not done here')
}

function readShape(fields: Fields, architecture: Architecture, modelType: string): DecoderShape {
  const optional = (name: string): number | undefined => {
    const value = fields[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw new Refusal(
        `"${name}" is ${quote(String(value))} in its config.json; a number above 0 was expected`,
      )
    return value
  }
  const number = (name: string): number => {
    const value = optional(name)
    if (value === undefined) throw new Refusal(`"${name}" is missing in its config.json`)
    return value
  }
  const layers = number('num_hidden_layers')
  if (layers > MOST_LAYERS) throw new Refusal(`it says that it has ${layers} layers`)
  const [width, heads] = [number('hidden_size'), number('num_attention_heads')]
  const headWidth = optional('head_dim') ?? width / heads
  if (headWidth > WIDEST_HEAD) throw new Refusal(`it says that its heads are ${headWidth} wide`)
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
    ...readUnturned(fields, layers),
  })
}

/** Base and factors of RoPE, and the base in layers with a window where it is another. */
function readRope(
  fields: Fields,
  headWidth: number,
  context: number,
): { ropeTheta: number; ropeFactors?: number[]; windowTheta?: number } {
  const given = fields['rope_parameters']
  const both = isFields(given) ? given : {}
  // Since version 5 each kind of layer may have its own.
  const [whole, inWindow] = isFields(both['full_attention'])
    ? [both['full_attention'], both['sliding_attention']]
    : [both, undefined]
  const scaling = isFields(fields['rope_scaling']) ? { ...whole, ...fields['rope_scaling'] } : whole
  const numberIn = (from: Fields, name: string): number => {
    const value = from[name]
    if (typeof value !== 'number' || !(value > 0 && value < Infinity))
      throw new Refusal(
        `"${name}" of its RoPE is ${quote(String(value))} in its config.json; a number above 0 was expected`,
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
      `it stretches positions inside of its windows (RoPE ${quote(String(localType))}), which is not done here`,
    )
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default'
  const told = { ropeTheta, ...(windowTheta === undefined ? {} : { windowTheta }) }
  switch (type) {
    case 'default':
      return told
    case 'linear':
      return { ...told, ropeFactors: linearFactors({ headWidth }, numberIn(scaling, 'factor')) }
    case 'llama3':
      return {
        ...told,
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
      throw new Refusal(`it stretches its positions (RoPE ${quote(String(type))}), which is not done here`)
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
    throw new Refusal(
      `"sliding_window" is ${quote(String(window))} in its config.json; a number was expected`,
    )
  const told = { window, ...(windowTheta === undefined ? {} : { windowTheta }) }
  const types = fields['layer_types']
  if (Array.isArray(types)) {
    const strange: unknown = types.find(
      (type: unknown) => type !== 'full_attention' && type !== 'sliding_attention',
    )
    if (strange !== undefined)
      throw new Refusal(
        `it has layers of the kind ${quote(String(strange))}, which the decoder here does not have`,
      )
    return { ...told, localLayers: types.map((type: unknown) => type === 'sliding_attention') }
  }
  const [pattern, from] = [fields['sliding_window_pattern'], fields['max_window_layers']]
  const each = (is: (layer: number) => boolean): boolean[] =>
    Array.from({ length: layers }, (_, layer) => is(layer))
  if (typeof pattern === 'number')
    return { ...told, localLayers: each((layer) => (layer + 1) % pattern !== 0) }
  if (typeof from === 'number') return { ...told, localLayers: each((layer) => layer >= from) }
  if (windows === undefined) throw new Refusal('it does not say which of its layers have a sliding window')
  return told
}

/** `no_rope_layers` has a 1 for each layer that is turned. */
function readUnturned(fields: Fields, layers: number): { unturned?: readonly boolean[] } {
  const list = fields['no_rope_layers']
  if (Array.isArray(list)) return { unturned: list.slice(0, layers).map((turned: unknown) => turned === 0) }
  const every = fields['no_rope_layer_interval']
  return typeof every === 'number' && every > 0
    ? { unturned: Array.from({ length: layers }, (_, layer) => (layer + 1) % every === 0) }
    : {}
}
