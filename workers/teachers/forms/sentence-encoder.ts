// Knows: a folder with a sentence encoder (BERT, as sentence-transformers stores it): described by its small files and loaded as a teacher
// that only embeds.
import { wordPieceFrom, type WordPiece } from '../../../src/engine/tokenizers/word-piece.ts'
import { buildEncoder } from '../../../src/engine/models/encoder.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import {
  describeEncoder,
  isEncoder,
  poolingPath,
  type EncoderFolder,
} from '../../../src/engine/weights/hugging-face/encoder-folder.ts'
import type { SizedCard } from '../../../src/domain/model-card.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ModelBundle } from '../bundle.ts'
import { EncoderTeacher } from '../encoder-teacher.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { EngineOptions } from '../open-engine-teacher.ts'
import { FolderFiles } from './folder-files.ts'

export interface SentenceEncoder {
  readonly card: SizedCard
  readonly tokenizer: WordPiece
  readonly folder: EncoderFolder
}

/** Bytes of the weights file in the fingerprint: its header, or enough of it. */
const HEADER_BYTES = 65_536
/** Bytes of working memory of the largest batch. */
const WORKING_BYTES = 150e6

/** The encoder in these files; undefined if they are no such model. Throws `ModelRefused` if it cannot be used. */
export async function findSentenceEncoder(bundle: ModelBundle): Promise<SentenceEncoder | undefined> {
  const files = new FolderFiles(bundle)
  const config = await files.readJson('config.json')
  if (!isEncoder(config)) return undefined
  const refuse = (sentence: string): RetortError =>
    new RetortError('ModelRefused', `“${bundle.name}”: ${sentence}`)
  const weights = [...bundle.files].filter(([path]) => /\.safetensors$/i.test(path))
  const [first] = weights
  if (first === undefined || weights.length > 1)
    throw refuse(`it has ${weights.length} weights files, and an encoder needs one: model.safetensors.`)
  const [, source] = first
  const modules = await files.readJson('modules.json')
  const pooling = poolingPath(modules)
  const described = await describeEncoder({
    config,
    modules,
    sentence: await files.readJson('sentence_bert_config.json'),
    pooling: pooling === undefined ? undefined : await files.readJson(pooling),
    source,
  })
  if (!described.ok) throw refuse(described.sentence)
  const made = wordPieceFrom(await files.requireJson('tokenizer.json'))
  if (!made.ok) throw refuse(made.sentence)
  const { folder } = described
  const { shape, parameters, tensorTypes, maxTokens } = folder
  if (made.tokenizer.idLimit > shape.vocabulary)
    throw refuse(
      `its tokenizer.json has tokens up to ${made.tokenizer.idLimit.toLocaleString('en')} and its weights have ${shape.vocabulary.toLocaleString('en')}: they do not belong together. Get the model’s files again.`,
    )
  const bytes = 4 * parameters + WORKING_BYTES
  const [quantisation = 'F32'] = Object.entries(tensorTypes).toSorted(([, a], [, b]) => b - a)[0] ?? []
  return {
    folder,
    tokenizer: made.tokenizer,
    card: {
      name: bundle.name,
      form: 'safetensors',
      fileName: bundle.name,
      fileBytes: [...bundle.files.values()].reduce((sum, { size }) => sum + size, 0),
      architecture: 'bert (sentence encoder)',
      parameters,
      quantisation,
      tensorTypes,
      contextLength: maxTokens,
      vocabularySize: shape.vocabulary,
      layers: shape.layers,
      width: shape.width,
      memoryBytes: { wasm: bytes, webgpu: bytes },
      fingerprint: await fingerprintOf(
        [
          // How tokens become one vector decides the vectors, not only the weights.
          new TextEncoder().encode(JSON.stringify([config, folder.pooling, maxTokens])),
          await source.read(0, Math.min(source.size, HEADER_BYTES)),
        ],
        source,
        0,
      ),
      hasChatTemplate: false,
      untrainable: 'attention in both directions',
    },
  }
}

/** Loads it. Throws EngineError if the machine fails, AbortError when stopped. */
export async function openSentenceEncoder(
  { card, tokenizer, folder }: SentenceEncoder,
  { backend, signal, onProgress, threads, runtime: opened }: EngineOptions,
): Promise<EncoderTeacher> {
  const runtime = opened ?? (await openRuntime({ backend, ...(threads === undefined ? {} : { threads }) }))
  const weights = await folder.read((done, total) => onProgress({ phase: 'reading', done, total }), signal)
  onProgress({ phase: 'building', done: 0, total: 0 })
  const session = await runtime.open(buildEncoder(weights))
  if (signal.aborted) {
    await session.release()
    signal.throwIfAborted()
  }
  return new EncoderTeacher({ card, backend, threads: runtime.threads, folder, tokenizer, session })
}
