// Knows: the two small files of a model that are also read here: its tokenizer, and its configuration with the tokens that end an answer.
// Must not know: the package.
import { tokenizerFromFolder } from '../../../src/engine/tokenizers/files/folder-tokenizer.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { fieldOf } from '../../../src/engine/tokenizers/files/unknown-json.ts'

/** Reads a file of the model by its name, from the cache or from its address. */
export type ReadModelFile = (name: string) => Promise<unknown>

export interface ModelFiles {
  readonly tokenizer?: TextTokenizer
  readonly endIds: ReadonlySet<number>
  /** From the configuration, such as `llama`. */
  readonly architecture?: string
  readonly vocabularySize?: number
  /** The start of raw texts, as text: WebLLM adds no begin token. */
  readonly start: string
  /** Sentences about files that could not be read. */
  readonly notes: readonly string[]
}

/** Reads both. If a file is missing or invalid, the capabilities that need it are off, and a note reports it. */
export async function readModelFiles(read: ReadModelFile): Promise<ModelFiles> {
  const config = await read('mlc-chat-config.json').catch(() => undefined)
  const template = fieldOf(config, 'conv_template')
  const startIds = idsOf(fieldOf(template, 'system_prefix_token_ids'))
  const architecture = fieldOf(config, 'model_type')
  const size = fieldOf(config, 'vocab_size')
  const common = {
    endIds: new Set(idsOf(fieldOf(template, 'stop_token_ids'))),
    ...(typeof architecture === 'string' ? { architecture } : {}),
    ...(typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? { vocabularySize: size } : {}),
  }
  const tokenizerJson = await read('tokenizer.json').catch(() => undefined)
  const result =
    tokenizerJson === undefined
      ? { ok: false as const, sentence: 'It could not be read.' }
      : tokenizerFromFolder({ tokenizerJson })
  if (!result.ok)
    return {
      ...common,
      start: '',
      notes: [
        `It returns no log-probabilities and cannot judge, because its tokenizer.json cannot be used here. ${result.sentence}`,
      ],
    }
  return { ...common, tokenizer: result.tokenizer, start: result.tokenizer.decode(startIds), notes: [] }
}

const idsOf = (value: unknown): readonly number[] =>
  Array.isArray(value) ? value.slice(0, 64).filter((id): id is number => Number.isInteger(id)) : []
