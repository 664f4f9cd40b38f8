// Knows: the files of an adapter in the format of peft.
// Must not know: where it is stored, how it was trained.
import type { DecoderShape } from '../models/shape.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  type AdapterOptions,
  type AdapterTarget,
} from '../training/adapters.ts'
import { viewParameters, type Flat } from '../training/parameters.ts'
import { writeSafetensors, type PlainTensor } from '../weights/hugging-face/safetensors.ts'
import type { WrittenFile } from './student-files.ts'

const MODULES: Readonly<Record<AdapterTarget, string>> = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  output: 'self_attn.o_proj',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
}

/** An adapter to write. `baseName` is the base model that peft loads: a folder or the name of a model on the hub. */
export interface WrittenAdapter {
  readonly shape: DecoderShape
  readonly options: AdapterOptions
  readonly adapters: Flat
  readonly baseName: string
}

/**
 * `adapter_config.json` and `adapter_model.safetensors`: A as [rank, in] and B as [out, rank], as torch's linear layers
 * have them.
 */
export function writeAdapterFiles({ shape, options, adapters, baseName }: WrittenAdapter): WrittenFile[] {
  const views = viewParameters(listAdapters(shape, options), adapters)
  const tensors = new Map<string, PlainTensor>()
  for (const { name, shape: size } of listAdapters(shape, options)) {
    const [, layer, target, side] = /^layer (\d+) (\w+) ([AB])$/.exec(name) ?? []
    const module = ADAPTER_TARGETS.find((known) => known === target)
    const [rows = 0, columns = 0] = size
    const view = views.get(name)
    if (!module || !view || layer === undefined || side === undefined)
      throw new RangeError(`An adapter has no ${name}.`)
    const data = new Float32Array(view.length)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        data[column * rows + row] = view[row * columns + column] as number
    tensors.set(`base_model.model.model.layers.${layer}.${MODULES[module]}.lora_${side}.weight`, {
      shape: [columns, rows],
      data,
    })
  }
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseName,
    r: options.rank,
    lora_alpha: options.alpha,
    target_modules: ADAPTER_TARGETS.filter((target) => options.targets.includes(target)).map(
      (target) => MODULES[target].split('.')[1],
    ),
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
  }
  return [
    { name: 'adapter_config.json', bytes: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`) },
    { name: 'adapter_model.safetensors', bytes: writeSafetensors(tensors, { format: 'pt' }) },
  ]
}
