// Knows: a small valid GGUF file of a Llama-like model, and variations of it.
import { CHARACTER_OF_BYTE } from '../../../../src/engine/tokenizers/bpe/byte-alphabet.ts'
import { findGgufType, findGgufTypeId } from '../../../../src/engine/weights/gguf/gguf-types.ts'
import {
  writeGguf,
  type WrittenTensor,
  type WrittenValue,
} from '../../../../src/engine/weights/gguf/gguf-write.ts'
import { listTensors } from '../../../../src/engine/weights/gguf/describe-gguf.ts'
import { TINY } from '../../small-model.ts'

const u32 = (value: number): WrittenValue => ({ kind: 'u32', value })
const text = (value: string): WrittenValue => ({ kind: 'text', value })

const METADATA: ReadonlyMap<string, WrittenValue> = new Map([
  ['general.architecture', text('llama')],
  ['general.name', text('Small')],
  ['general.license', text('apache-2.0')],
  ['llama.block_count', u32(TINY.layers)],
  ['llama.context_length', u32(TINY.context)],
  ['llama.embedding_length', u32(TINY.width)],
  ['llama.feed_forward_length', u32(TINY.feedForward)],
  ['llama.attention.head_count', u32(TINY.heads)],
  ['llama.attention.head_count_kv', u32(TINY.kvHeads)],
  ['llama.attention.layer_norm_rms_epsilon', { kind: 'f32', value: TINY.normEpsilon }],
  ['tokenizer.ggml.model', text('gpt2')],
  ['tokenizer.ggml.pre', text('gpt-2')],
  ['tokenizer.ggml.tokens', { kind: 'texts', value: [...CHARACTER_OF_BYTE, '<|end|>'] }],
  ['tokenizer.ggml.token_type', { kind: 'i32s', value: [...CHARACTER_OF_BYTE.map(() => 1), 3] }],
  ['tokenizer.ggml.merges', { kind: 'texts', value: [] }],
  ['tokenizer.ggml.eos_token_id', u32(256)],
  ['tokenizer.ggml.add_bos_token', { kind: 'bool', value: false }],
  ['tokenizer.chat_template', text('{% for message in messages %}{{ message.content }}{% endfor %}')],
])

export const bytesOfTensor = (type: string, shape: readonly number[]): number => {
  const { elements, bytes } = findGgufType(findGgufTypeId(type) ?? -1) ?? { elements: 1, bytes: 4 }
  return (shape.reduce((product, size) => product * size, 1) / elements) * bytes
}

/** The file with other metadata (undefined leaves a key out) and other tensors. */
export function writeSmallGguf(
  changes: Readonly<Record<string, WrittenValue | undefined>> = {},
  change: (tensors: WrittenTensor[]) => WrittenTensor[] = (tensors) => tensors,
): Uint8Array<ArrayBuffer> {
  const metadata = new Map(METADATA)
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key)
    else metadata.set(key, value)
  }
  const tensors = [...listTensors(TINY)].map(([name, shape]): WrittenTensor => ({
    name,
    type: 'F32',
    shape,
    bytes: new Uint8Array(bytesOfTensor('F32', shape)).fill(60),
  }))
  return writeGguf(metadata, change(tensors))
}
