// Knows: how the parameters of training become Hugging Face's tensors ([out, in], q, k and v separate).
// Must not know: file formats.
import { elementsOf } from '../graph/dims.ts'
import type { DecoderShape } from '../models/shape.ts'
import { CLASS_HEAD, listParameters, viewParameters, type Flat } from './parameters.ts'

/** A tensor under its Hugging Face name. */
export interface NamedTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Columns `from` … `from + count` of a [rows, columns] matrix as the rows of a new one. */
function transposeColumns(
  data: Float32Array,
  rows: number,
  columns: number,
  from: number,
  count: number,
): NamedTensor {
  const out = new Float32Array(count * rows)
  for (let column = 0; column < count; column++) {
    for (let row = 0; row < rows; row++) out[column * rows + row] = data[row * columns + from + column] ?? 0
  }
  return { shape: [count, rows], data: out }
}

/**
 * All tensors of a student, in the order and under the names of `LlamaForCausalLM`, or of
 * `LlamaForSequenceClassification` if it has classes; the tied head is not repeated.
 */
export function toHuggingFaceTensors(shape: DecoderShape, flat: Flat): Map<string, NamedTensor> {
  const parameters = listParameters(shape)
  const views = viewParameters(parameters, flat)
  const sizes = new Map(parameters.map(({ name, shape: size }) => [name, size]))
  const tensors = new Map<string, NamedTensor>()
  const addTransposed = (to: string, name: string, from = 0, count?: number): void => {
    const [rows, columns] = sizes.get(name) as [number, number]
    tensors.set(to, transposeColumns(views.get(name) as Float32Array, rows, columns, from, count ?? columns))
  }
  const add = (to: string, name: string): void => {
    const size = sizes.get(name) ?? []
    tensors.set(to, { shape: size, data: (views.get(name) as Float32Array).slice(0, elementsOf(size)) })
  }
  const [queries, keys] = [shape.heads * shape.headWidth, shape.kvHeads * shape.headWidth]
  add('model.embed_tokens.weight', 'embedding')
  for (let i = 0; i < shape.layers; i++) {
    const at = `model.layers.${i}`
    add(`${at}.input_layernorm.weight`, `layer ${i} attention norm`)
    addTransposed(`${at}.self_attn.q_proj.weight`, `layer ${i} qkv`, 0, queries)
    addTransposed(`${at}.self_attn.k_proj.weight`, `layer ${i} qkv`, queries, keys)
    addTransposed(`${at}.self_attn.v_proj.weight`, `layer ${i} qkv`, queries + keys, keys)
    addTransposed(`${at}.self_attn.o_proj.weight`, `layer ${i} output`)
    add(`${at}.post_attention_layernorm.weight`, `layer ${i} feedForward norm`)
    addTransposed(`${at}.mlp.gate_proj.weight`, `layer ${i} gate`)
    addTransposed(`${at}.mlp.up_proj.weight`, `layer ${i} up`)
    addTransposed(`${at}.mlp.down_proj.weight`, `layer ${i} down`)
  }
  add('model.norm.weight', 'final norm')
  if (shape.classes !== undefined) add('score.weight', CLASS_HEAD)
  return tensors
}
