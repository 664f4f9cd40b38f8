// Knows: the imported model that a student's adapters are trained on: how its file is found again and verified, and how its weights are read.
// Must not know: where models are stored (stores), steps.
import type { BaseModel, StudentShape } from '../../src/domain/student.ts'
import { findUntrainable, type DecoderShape } from '../../src/engine/models/shape.ts'
import {
  ADAPTER_TARGETS,
  listAdapters,
  initialAdapters,
  mergeInto,
  type AdapterOptions,
} from '../../src/engine/training/adapters.ts'
import { readFrozen } from '../../src/engine/training/frozen-decoder.ts'
import { countOf, type Flat } from '../../src/engine/training/parameters.ts'
import { loadGgufWeights } from '../../src/engine/weights/gguf/llama-gguf.ts'
import type { LoadedWeights } from '../../src/engine/weights/loaded.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { makeRng } from '../../src/domain/rng.ts'
import type { AdapterPlan } from '../../src/pipeline/training/losses/loss.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { readGgufCard, type DescribedGguf } from '../teachers/gguf-card.ts'
import type { StudentStores } from './stores.ts'

/** The file, found and verified; its weights are not read yet. */
export interface OpenModel extends DescribedGguf {
  readonly source: ByteSource
  readonly shape: DecoderShape
}

/** Maximum context for generation, in tokens: the page requests no more, and a longer KV cache costs memory. */
const MAX_GENERATION_CONTEXT = 1024

/**
 * Finds the model again. Throws ModelMissing if it is no longer stored, ModelRefused if the file of that name is a different one or does
 * not support adapters.
 */
export async function openBaseModel(
  stores: Pick<StudentStores, 'openModel'>,
  { source: location, model, chatFormat }: BaseModel,
  signal?: AbortSignal,
): Promise<OpenModel> {
  const remedy =
    location.kind === 'built-in'
      ? 'Reload the page and try again.'
      : `Store the same file again on the Teacher screen, under the name “${location.name}”, then resume.`
  const source = await stores.openModel(location, signal).catch((thrown: unknown) => {
    if (!(thrown instanceof RetortError) || thrown.name !== 'ModelMissing') throw thrown
    throw new RetortError(
      'ModelMissing',
      `${model.name}, the base model of this student’s adapters, is no longer stored in this browser. ${remedy}`,
      { cause: thrown },
    )
  })
  const described = await readGgufCard(source, [], chatFormat)
  const {
    card,
    facts: { shape },
    tokenizer,
  } = described
  if (card.fingerprint !== model.fingerprint)
    throw new RetortError(
      'ModelRefused',
      `The file “${source.name}” is not the base model of this student’s adapters: its fingerprint is ${card.fingerprint}, and ${model.fingerprint} (${model.name}) is needed. ${remedy}`,
    )
  const unsupported = findUntrainable(shape)
  if (unsupported !== undefined)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has ${unsupported}, which adapter training does not support. Choose another model, such as SmolLM2.`,
    )
  if (!tokenizer.hasChatTemplate)
    throw new RetortError(
      'ModelRefused',
      `${card.name} has no chat template, so rows cannot be formatted for it. Choose a model that was tuned for chat (often called “Instruct”).`,
    )
  return { ...described, source, shape }
}

/** The engine's options for the adapters. */
export const adaptersOf = ({ rank, alpha, projections }: AdapterPlan): AdapterOptions => ({
  rank,
  alpha,
  targets:
    projections === 'all'
      ? ADAPTER_TARGETS
      : ADAPTER_TARGETS.filter(
          (target) => target === 'q' || target === 'k' || target === 'v' || target === 'output',
        ),
})

/** The shape as the page shows it. */
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

/** All parameters of the model in one array; the loaded file weights are released. */
export const loadFrozen = async (model: OpenModel, signal?: AbortSignal): Promise<Flat> =>
  readFrozen(await loadFloats(model, signal))

/** Initial adapters: a function of shape, options and rngSeed. */
export function drawAdapters(shape: DecoderShape, options: AdapterOptions, rngSeed: number): Flat {
  const rng = makeRng(rngSeed).fork('first adapters')
  return initialAdapters(shape, options, () => rng.next())
}

/** The model with a student's adapters merged in. */
export async function loadMerged(model: OpenModel, options: AdapterOptions, adapters: Flat): Promise<Flat> {
  const weights = await loadFrozen(model)
  mergeInto(model.shape, options, weights, adapters)
  return weights
}

/** The shape with the context used for generation. */
export const withGenerationContext = (shape: DecoderShape): DecoderShape => ({
  ...shape,
  context: Math.min(shape.context, MAX_GENERATION_CONTEXT),
})

/** Number of trainable parameters. */
export const countTrainedParameters = (shape: DecoderShape, options: AdapterOptions): number =>
  countOf(listAdapters(shape, options))

/** An empty tokenizer.json: the tokenizer is in the model's own file. */
export const NO_TOKENIZER = { tokenizerJson: {}, tokenizerConfig: {} } as const
