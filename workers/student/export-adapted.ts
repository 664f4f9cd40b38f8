// Knows: how a student with adapters on an imported model becomes files: the adapters alone, or the model with the adapters merged in.
// Must not know: how those files are laid out (engine/exports).
import { writeAdapterFiles } from '../../src/engine/exports/adapter-files.ts'
import { writeMergedFolder, writeMergedGguf } from '../../src/engine/exports/merged-files.ts'
import type { WrittenFile } from '../../src/engine/exports/student-files.ts'
import { templateOf } from '../../src/engine/tokenizers/templates/template-families.ts'
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../../src/engine/training/student-tensors.ts'
import { readText } from '../../src/engine/weights/gguf/metadata.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { StudentFormat } from '../../src/protocol/student.ts'
import { loadMerged, type OpenModel } from './base-model.ts'
import type { StoredStudent } from './stored-student.ts'

/** Throws ModelRefused if the model cannot be exported in that format. */
export async function writeAdapted(
  { checkpoint }: StoredStudent,
  baseModel: OpenModel,
  format: StudentFormat,
): Promise<WrittenFile[]> {
  const {
    shape,
    header: { metadata, headerBytes },
    source,
    tokenizer,
  } = baseModel
  const { adapts } = checkpoint
  const { templateFamily } = tokenizer
  const template = templateFamily === undefined ? undefined : templateOf(templateFamily)
  if (!adapts) throw new TypeError('this student has no adapters')
  const adapters = finalWeights(checkpoint)
  switch (format) {
    case 'adapter':
      return writeAdapterFiles({ shape, options: adapts, adapters, baseName: nameForHub(baseModel) })
    case 'huggingface': {
      if (tokenizer.json === undefined)
        throw new RetortError(
          'ModelRefused',
          `${baseModel.card.name} has a vocabulary that cannot be written as tokenizer.json. Export a GGUF or the adapters instead.`,
        )
      return writeMergedFolder(
        {
          shape,
          metadata,
          tensors: toHuggingFaceTensors(shape, await loadMerged(baseModel, adapts, adapters)),
        },
        { json: tokenizer.json, endIds: tokenizer.endIds, startIds: tokenizer.startIds, template },
      )
    }
    case 'gguf':
      return [
        writeMergedGguf(
          { shape, tensors: toHuggingFaceTensors(shape, await loadMerged(baseModel, adapts, adapters)) },
          await source.read(0, headerBytes),
          source.size,
          template,
        ),
      ]
    default:
      return format satisfies never
  }
}

/** The base model that peft loads: the repository named in the file, else the model's name, which a person then replaces with a folder. */
function nameForHub({ header: { metadata }, card }: OpenModel): string {
  const address =
    readText(metadata, 'general.repo_url') ??
    readText(metadata, 'general.source.huggingface.repository') ??
    readText(metadata, 'general.base_model.0.repo_url')
  return address?.replace(/^https:\/\/huggingface\.co\//, '') ?? card.name
}
