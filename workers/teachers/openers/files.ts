// Knows: a teacher from files: looked at first, fetched whole, then opened by their form.
import type { ModelCard, ModelSource } from '../../../src/domain/model.ts'
import { readHubPlace } from '../../../src/pipeline/models/model-address.ts'
import type { ModelBundle } from '../bundle.ts'
import { findForm } from '../forms/index.ts'
import { fetchWhole, peekModel } from '../locate-model.ts'
import type { Opener } from '../sources.ts'
import type { Teacher } from '../teacher.ts'

export type FileSource = Extract<
  ModelSource,
  { readonly kind: 'file' | 'files' | 'url' | 'hub' | 'stored' | 'box' }
>

export const files: Opener<FileSource> = {
  inspect: async (source, signal) => describe(await peekModel(source, signal)),

  open: async (source, { keep, letGo, ...options }) => {
    // Files that cannot be used are refused before the model that is loaded goes and before anything is downloaded.
    await files.inspect(source, options.signal)
    const bundle = await fetchWhole(source, keep, options)
    await letGo()
    const teacher = await findForm(bundle).open(bundle, options)
    return describedAs(teacher, complete(teacher.description.card, bundle))
  },
}

/** The card of files, whatever their form. */
export const describe = async (bundle: ModelBundle): Promise<ModelCard> =>
  complete(await findForm(bundle).inspect(bundle), bundle)

/** What files do not say of themselves: under which name they are kept, and what the hub says that they are from. */
function complete(card: ModelCard, { name, hub }: ModelBundle): ModelCard {
  if (hub === undefined) return { ...card, fileName: name }
  const called = card.name === name ? (readHubPlace(hub.origin)?.name ?? name) : card.name
  const licence = card.licence ?? hub.licence
  return {
    ...card,
    name: called,
    fileName: name,
    origin: hub.origin,
    ...(licence === undefined ? {} : { licence }),
  }
}

/** The teacher under another card. */
const describedAs = (teacher: Teacher, card: ModelCard): Teacher => ({
  description: { ...teacher.description, card },
  complete: (...asked) => teacher.complete(...asked),
  score: (...asked) => teacher.score(...asked),
  countTokens: (texts) => teacher.countTokens(texts),
  ...(teacher.ownTokens === undefined ? {} : { ownTokens: teacher.ownTokens }),
  release: () => teacher.release(),
})
