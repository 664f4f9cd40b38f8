// Knows: a tiny model as a Hugging Face folder: configuration, tokenizer, weights in two files; in Node and in a page.
import { CHARACTER_OF_BYTE } from '../../../src/engine/tokenizers/bpe/byte-alphabet.ts'
import { writeSafetensors } from '../../../src/engine/weights/hugging-face/safetensors.ts'
import { makeTensors, oracle, type OracleModel } from '../../engine/small-architectures.ts'

/** One of the models whose logits transformers computed. */
export const FOLDER_MODEL: OracleModel =
  oracle.models['qwen3 with wide heads'] ??
  (() => {
    throw new Error('the oracle has no such model')
  })()

const PRINTABLE = CHARACTER_OF_BYTE.slice(32, 32 + 79)
/** The token after the last letter: it ends answers. */
const END = {
  id: 79,
  content: '<|end|>',
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
}
const TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [END],
  normalizer: null,
  post_processor: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(PRINTABLE.map((letter, id) => [letter, id])),
    merges: [],
  },
}
const CONFIG = {
  eos_token: '<|end|>',
  chat_template: '{% for message in messages %}{{ message.content }}{% endfor %}',
}

const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value))

/** Its files by path. */
export function makeModelFolder(): Map<string, Uint8Array<ArrayBuffer>> {
  const tensors = [...makeTensors(FOLDER_MODEL)]
  const half = Math.ceil(tensors.length / 2)
  const shards = [tensors.slice(0, half), tensors.slice(half)].map((some, i) => ({
    name: `model-0000${i + 1}-of-00002.safetensors`,
    some,
  }))
  return new Map([
    ['config.json', json(FOLDER_MODEL.config)],
    ['generation_config.json', json({ eos_token_id: END.id })],
    ['tokenizer.json', json(TOKENIZER)],
    ['tokenizer_config.json', json(CONFIG)],
    [
      'model.safetensors.index.json',
      json({
        weight_map: Object.fromEntries(
          shards.flatMap(({ name, some }) => some.map(([tensor]) => [tensor, name])),
        ),
      }),
    ],
    ...shards.map(({ name, some }): [string, Uint8Array<ArrayBuffer>] => [
      name,
      writeSafetensors(new Map(some), { format: 'pt' }),
    ]),
  ])
}
