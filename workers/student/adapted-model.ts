// Knows: the imported model that adapters lie on: how it is found again, that it is the same file, and how its weights are read.
// Must not know: where models are kept (stores), steps.
import type { AdaptedModel, LoraTrainSettings, StudentShape } from '../../src/domain/student.ts'
import { faultOfTraining, type DecoderShape } from '../../src/engine/models/shape.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  makeFirstAdapters,
  mergeInto,
  type AdapterOptions,
} from '../../src/engine/training/adapters.ts'
import { readFrozen } from '../../src/engine/training/frozen-decoder.ts'
import { countOf, type Flat } from '../../src/engine/training/parameters.ts'
import { loadGgufWeights } from '../../src/engine/weights/llama-gguf.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { makeRng } from '../../src/domain/rng.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { readGgufCard, type DescribedGguf } from '../teachers/gguf-card.ts'
import type { StudentStores } from './stores.ts'

/** The file, found and known to be the right one; its weights are not read yet. */
export interface OpenModel extends DescribedGguf {
  readonly source: ByteSource
  readonly shape: DecoderShape
}

/** Tokens of a text that is written, at most: the page asks for no more, and room for more costs memory. */
const LONGEST_TEXT = 1024

/**
 * Finds the model again. Throws ModelMissing where it is not kept any more, ModelRefused where the file under its name is another one or
 * cannot carry adapters.
 */
export async function openAdaptedModel(
  stores: Pick<StudentStores, 'openModel'>,
  { source: place, model }: AdaptedModel,
  signal?: AbortSignal,
): Promise<OpenModel> {
  const again =
    place.kind === 'box'
      ? 'Reload the page and try again.'
      : `Keep the same file again on the Teacher screen, under the name “${place.name}”, and go on.`
  const source = await stores.openModel(place, signal).catch((thrown: unknown) => {
    if (!(thrown instanceof RetortError) || thrown.name !== 'ModelMissing') throw thrown
    throw new RetortError(
      'ModelMissing',
      `${model.name}, on which this student’s adapters lie, is not kept in this browser any more. ${again}`,
      { cause: thrown },
    )
  })
  const described = await readGgufCard(source)
  const {
    card,
    facts: { shape },
    tokenizer,
  } = described
  if (card.fingerprint !== model.fingerprint)
    throw new RetortError(
      'ModelRefused',
      `The file “${source.name}” is not the one on which this student’s adapters lie: it says ${card.fingerprint} of itself where ${model.fingerprint} (${model.name}) is wanted. ${again}`,
    )
  const beyond = faultOfTraining(shape)
  if (beyond !== undefined)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has ${beyond}, and adapters are trained here on models without. Choose another model, such as SmolLM2.`,
    )
  if (!tokenizer.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so rows cannot be put to it as it is used to. Choose a model that was tuned for chat (often called “Instruct”).`,
    )
  return { ...described, source, shape }
}

/** What the engine is told of the adapters. */
export const adaptersOf = ({
  rank,
  alpha,
  projections,
}: Pick<LoraTrainSettings, 'rank' | 'alpha' | 'projections'>): AdapterOptions => ({
  rank,
  alpha,
  targets:
    projections === 'all'
      ? ADAPTER_TARGETS
      : ADAPTER_TARGETS.filter(
          (target) => target === 'q' || target === 'k' || target === 'v' || target === 'output',
        ),
})

/** As the page tells of it. */
export const describeShape = ({
  layers,
  width,
  heads,
  kvHeads,
  feedForward,
  vocabulary,
  context,
}: DecoderShape): StudentShape => ({ layers, width, heads, kvHeads, feedForward, vocabulary, context })

/** The weights as floats. Throws an AbortError when stopped. */
export const loadFloats = ({ header, source }: OpenModel, signal?: AbortSignal): Promise<LoadedWeights> =>
  loadGgufWeights(header, source, 'f32', undefined, signal)

/** All parameters of the model in one array; what was loaded on the way is let go. */
export const loadFrozen = async (model: OpenModel, signal?: AbortSignal): Promise<Flat> =>
  readFrozen(await loadFloats(model, signal))

/** Adapters as they begin: a function of shape, options and rngSeed. */
export function drawAdapters(shape: DecoderShape, options: AdapterOptions, rngSeed: number): Flat {
  const rng = makeRng(rngSeed).fork('first adapters')
  return makeFirstAdapters(shape, options, () => rng.next())
}

/** The model with a student's adapters merged in. */
export async function loadMerged(model: OpenModel, options: AdapterOptions, adapters: Flat): Promise<Flat> {
  const weights = await loadFrozen(model)
  mergeInto(model.shape, options, weights, adapters)
  return weights
}

/** The shape with a context for writing. */
export const forWriting = (shape: DecoderShape): DecoderShape => ({
  ...shape,
  context: Math.min(shape.context, LONGEST_TEXT),
})

/** Numbers that training changes. */
export const countTrained = (shape: DecoderShape, options: AdapterOptions): number =>
  countOf(listAdapters(shape, options))

/** A tokenizer.json that says nothing: the model's own file has it. */
export const NO_TOKENIZER = { tokenizerJson: {}, tokenizerConfig: {} } as const
