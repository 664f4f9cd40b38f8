// Knows: the files of an imported model with merged adapters in other tools' formats: a folder that transformers opens
// with the model's own tokenizer and template, and a GGUF with the metadata of the original file.
// Must not know: adapters, where files are stored.
import type { DecoderShape } from '../models/shape.ts'
import { copyMetadata } from '../weights/gguf/copy-metadata.ts'
import { writeGguf, type WrittenValue } from '../weights/gguf/gguf-write.ts'
import { readNumber, readText, readTexts, type Metadata } from '../weights/gguf/metadata.ts'
import { writeSafetensors, type PlainTensor } from '../weights/hugging-face/safetensors.ts'
import { jsonFile, makeConfig, toGgufTensor, type WrittenFile } from './student-files.ts'

export interface MergedModel {
  readonly shape: DecoderShape
  /** Under Hugging Face's names. */
  readonly tensors: ReadonlyMap<string, PlainTensor>
  /** Of the file that the model was imported from. */
  readonly metadata: Metadata
}

export interface MergedTokenizer {
  /** A tokenizer.json that is equivalent to the GGUF's vocabulary. */
  readonly json: unknown
  readonly endIds: ReadonlySet<number>
  /** Tokens at the start of every text. */
  readonly startIds: readonly number[]
  /** The chat template that the student was trained with, if it is not the original file's. */
  readonly template?: string | undefined
}

/**
 * The five files of a Hugging Face folder. Generation ends at the same tokens as on the page; it is greedy by default.
 */
export function writeMergedFolder(
  { shape, tensors, metadata }: MergedModel,
  tokenizer: MergedTokenizer,
): WrittenFile[] {
  const idOf = (role: string): number | null =>
    readNumber(metadata, `tokenizer.ggml.${role}_token_id`) ?? null
  const [bos, eos, pad, unknown] = [idOf('bos'), idOf('eos'), idOf('padding'), idOf('unknown')]
  const tokens = readTexts(metadata, 'tokenizer.ggml.tokens') ?? []
  const nameOf = (id: number | null): string | null => (id === null ? null : (tokens[id] ?? null))
  const ids = { bos_token_id: bos, pad_token_id: pad }
  const ends = [...new Set([...(eos === null ? [] : [eos]), ...tokenizer.endIds])]
  const template = tokenizer.template ?? readText(metadata, 'tokenizer.chat_template')
  return [
    { name: 'model.safetensors', bytes: writeSafetensors(tensors, { format: 'pt' }) },
    jsonFile('config.json', { ...makeConfig(shape), ...ids, eos_token_id: eos }),
    jsonFile('generation_config.json', { do_sample: false, ...ids, eos_token_id: ends }),
    jsonFile('tokenizer.json', beginWith(tokenizer, tokens)),
    jsonFile('tokenizer_config.json', {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: nameOf(bos),
      eos_token: nameOf(eos),
      pad_token: nameOf(pad),
      unk_token: nameOf(unknown),
      clean_up_tokenization_spaces: false,
      model_max_length: shape.context,
      ...(template === undefined ? {} : { chat_template: template }),
    }),
  ]
}

/** The tokenizer.json, which adds the begin token before texts if the GGUF does. */
function beginWith({ json, startIds }: MergedTokenizer, tokens: readonly string[]): unknown {
  const names = startIds.flatMap((id) => tokens[id] ?? [])
  if (typeof json !== 'object' || json === null || names.length === 0) return json
  const special = (name: string): object => ({ SpecialToken: { id: name, type_id: 0 } })
  const single = [...names.map(special), { Sequence: { id: 'A', type_id: 0 } }]
  const known = Object.fromEntries(
    startIds.map((id) => [tokens[id] ?? '', { id: tokens[id] ?? '', ids: [id], tokens: [tokens[id] ?? ''] }]),
  )
  return {
    ...json,
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: known,
    },
  }
}

/** ggml's number for a file with 16-bit matrices (LLAMA_FTYPE_MOSTLY_F16). */
const FILE_TYPE_F16 = 1
/** Keys that describe the original quantisation and file. */
const DROPPED_KEYS =
  /^(general\.quantization_version|general\.file_type|general\.alignment|quantize\..*|split\..*)$/

/**
 * One GGUF with the metadata of the original file (`header` is its start, `fileBytes` its length) without the keys on
 * its quantisation, and with `template` if the student was trained with another one than the file's. Matrices are rounded to 16 bits, norms
 * are not.
 */
export function writeMergedGguf(
  { shape, tensors }: Pick<MergedModel, 'shape' | 'tensors'>,
  header: Uint8Array,
  fileBytes: number,
  template?: string,
): WrittenFile {
  const kept = [...copyMetadata(header, fileBytes)].filter(([key]) => !DROPPED_KEYS.test(key))
  const metadata = new Map<string, WrittenValue>([
    ...kept,
    ['general.file_type', { kind: 'u32', value: FILE_TYPE_F16 }],
    ...(template === undefined
      ? []
      : [['tokenizer.chat_template', { kind: 'text', value: template }] as const]),
  ])
  return {
    name: 'model.gguf',
    bytes: writeGguf(
      metadata,
      [...tensors].map(([name, tensor]) => toGgufTensor(name, tensor, shape, 'F16')),
    ),
  }
}
