// Knows: a Hugging Face folder (config.json, tokenizer.json, safetensors in one file or several) as a form of model files.
import { estimateKernelMemory } from '../../../src/engine/kernels/memory.ts'
import type { ChatFormat } from '../../../src/domain/chat-format.ts'
import type { SizedCard } from '../../../src/domain/model-card.ts'
import { tokenizerFromFolder, type TextTokenizer } from '../../../src/engine/tokenizers/tokenizer.ts'
import {
  describeHuggingFace,
  loadHuggingFaceWeights,
  type HuggingFaceModel,
} from '../../../src/engine/weights/hugging-face/hugging-face.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ModelBundle } from '../bundle.ts'
import { describeChat } from '../chat-notes.ts'
import { fingerprintOf } from '../fingerprint.ts'
import { fromStored } from '../kernel-sources.ts'
import { openEngineTeacher } from '../open-engine-teacher.ts'
import { FolderFiles } from './folder-files.ts'
import type { FormReader } from './form.ts'
import { findSentenceEncoder, openSentenceEncoder } from './sentence-encoder.ts'

interface DescribedFolder {
  readonly card: SizedCard
  readonly tokenizer: TextTokenizer
  readonly model: HuggingFaceModel
}

export const safetensors: FormReader = {
  form: 'safetensors',
  recognises: ({ files }) => [...files.keys()].some((path) => /\.safetensors$/i.test(path)),
  inspect: async (bundle) => (await findSentenceEncoder(bundle))?.card ?? (await describeFolder(bundle)).card,
  open: async (bundle, options) => {
    const encoder = await findSentenceEncoder(bundle)
    if (encoder !== undefined) return openSentenceEncoder(encoder, options)
    const { card, tokenizer, model } = await describeFolder(bundle, options.chatFormat)
    const { signal, onProgress } = options
    const loadWeights = (form: 'f32' | 'nb4s') =>
      loadHuggingFaceWeights(model, form, {
        signal,
        onProgress: (done, total) => onProgress({ phase: 'reading', done, total }),
      })
    return openEngineTeacher(
      { card, tokenizer, loadWeights, forKernels: (hooks) => fromStored(model, hooks), forms: ['f32'] },
      options,
    )
  },
}

/** Bytes of the first weights file in the fingerprint: its header, or enough of it. */
const HEADER_BYTES = 65_536

/** Tokens that a tokenizer may have beyond the weights: Gemma 3's has one for images, which its text models never use. */
const SPARE_TOKENS = 256

/** Reads configurations and headers, and builds the tokenizer; throws `ModelRefused` with the reason if the folder cannot be used. */
async function describeFolder(bundle: ModelBundle, chatFormat?: ChatFormat): Promise<DescribedFolder> {
  const refuse = (sentence: string): RetortError =>
    new RetortError('ModelRefused', `“${bundle.name}”: ${sentence}`)
  const folder = new FolderFiles(bundle)
  const config = await folder.requireJson('config.json')
  const index = await folder.readJson('model.safetensors.index.json')
  const sources = listWeights(bundle)
  const [first] = sources
  if (first === undefined)
    throw refuse('it has no weights (no .safetensors file). Choose the whole folder of the model.')
  const described = await describeHuggingFace({ config, sources, ...(index === undefined ? {} : { index }) })
  if (!described.ok) throw refuse(described.sentence)
  const { model } = described
  const [tokenizerJson, tokenizerConfig, specialTokensMap, generationConfig, template] = [
    await folder.requireJson('tokenizer.json'),
    await folder.readJson('tokenizer_config.json'),
    await folder.readJson('special_tokens_map.json'),
    await folder.readJson('generation_config.json'),
    (await folder.readText('chat_template.jinja')) ?? (await folder.readJson('chat_template.json')),
  ]
  const made = tokenizerFromFolder(
    {
      tokenizerJson,
      tokenizerConfig,
      specialTokensMap,
      config,
      generationConfig,
      chatTemplate: template,
    },
    chatFormat,
  )
  if (!made.ok) throw refuse(made.sentence)
  const { tokenizer } = made
  const { facts } = model
  if (tokenizer.vocabularySize > facts.shape.vocabulary + SPARE_TOKENS)
    throw refuse(
      `its tokenizer.json has ${tokenizer.vocabularySize.toLocaleString('en')} tokens and its weights have ${facts.shape.vocabulary.toLocaleString('en')}: they do not belong together. Get the model’s files again.`,
    )
  const card: SizedCard = {
    name: bundle.name,
    form: 'safetensors',
    fileName: bundle.name,
    fileBytes: [...bundle.files.values()].reduce((sum, { size }) => sum + size, 0),
    architecture: facts.architecture,
    parameters: facts.parameters,
    quantisation: facts.quantisation,
    tensorTypes: facts.tensorTypes,
    contextLength: facts.shape.context,
    vocabularySize: facts.shape.vocabulary,
    layers: facts.shape.layers,
    width: facts.shape.width,
    ...licenceOf(config),
    memoryBytes: { ...facts.memoryBytes, ...estimateKernelMemory(facts) },
    fingerprint: await fingerprintOf(
      [
        new TextEncoder().encode(JSON.stringify(config)),
        await first.read(0, Math.min(first.size, HEADER_BYTES)),
      ],
      model.source,
      0,
    ),
    hasChatTemplate: tokenizer.hasChatTemplate,
    ...describeChat(tokenizer, chatFormat),
  }
  return { card, tokenizer, model }
}

/** The weight files under the names that the index uses. */
const listWeights = ({ files }: ModelBundle): readonly ByteSource[] =>
  [...files]
    .filter(([path]) => /\.safetensors$/i.test(path))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, source]) => ({
      ...source,
      name: path.slice(path.lastIndexOf('/') + 1),
      read: (from, to) => source.read(from, to),
    }))

function licenceOf(config: unknown): Pick<SizedCard, 'licence'> {
  const licence =
    typeof config === 'object' && config !== null && 'license' in config ? config.license : undefined
  return typeof licence === 'string' && licence !== '' && licence.length <= 200 ? { licence } : {}
}
