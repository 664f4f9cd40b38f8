// Knows: a teacher from files: inspected first, fetched whole, then opened by their form.
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { TeacherDescription } from '../../../src/domain/teacher-description.ts'
import { readHubLocation } from '../../../src/pipeline/models/model-address.ts'
import type { ModelBundle } from '../bundle.ts'
import type { FileSource } from '../file-source.ts'
import { findForm } from '../forms/index.ts'
import { fetchWhole, peekModel } from '../locate-model.ts'
import type { Opener } from './opener.ts'
import type { Teacher } from '../teacher.ts'

export const files: Opener<FileSource> = {
  inspect: async (source, signal) => describe(await peekModel(source, signal)),

  open: async (source, { keep, unloadPrevious, ...options }) => {
    // Files that cannot be used are refused before anything is downloaded and before the loaded model is unloaded.
    await files.inspect(source, options.signal)
    let notStored: string | undefined
    const bundle = await fetchWhole(source, keep, {
      ...options,
      onNotStored: (sentence) => (notStored = sentence),
    })
    await unloadPrevious()
    const teacher = await findForm(bundle).open(bundle, options)
    return describedAs(teacher, {
      ...teacher.description,
      card: complete(teacher.description.card, bundle),
      ...(notStored === undefined ? {} : { notStored }),
    })
  },
}

/** The card of files, whatever their form. */
export const describe = async (bundle: ModelBundle): Promise<ModelCard> =>
  complete(await findForm(bundle).inspect(bundle), bundle)

/** Adds what files do not contain: the name under which they are stored, and their origin and licence on the hub. */
function complete(card: ModelCard, { name, hub }: ModelBundle): ModelCard {
  if (hub === undefined) return { ...card, fileName: name }
  const displayName = card.name === name ? (readHubLocation(hub.origin)?.name ?? name) : card.name
  const licence = card.licence ?? hub.licence
  return {
    ...card,
    name: displayName,
    fileName: name,
    origin: hub.origin,
    ...(licence === undefined ? {} : { licence }),
  }
}

/** The teacher under another description. */
const describedAs = (teacher: Teacher, description: TeacherDescription): Teacher => ({
  description,
  complete: (...args) => teacher.complete(...args),
  score: (...args) => teacher.score(...args),
  ...(teacher.embed === undefined ? {} : { embed: teacher.embed }),
  countTokens: (texts) => teacher.countTokens(texts),
  ...(teacher.ownTokens === undefined ? {} : { ownTokens: teacher.ownTokens }),
  release: () => teacher.release(),
})
