// Knows: a teacher from files: looked at first, fetched whole, then opened by their form.
import type { ModelSource } from '../../../src/domain/model.ts'
import { findForm } from '../forms/index.ts'
import { fetchWhole, peekModel } from '../locate-model.ts'
import type { Opener } from '../sources.ts'

export type FileSource = Extract<ModelSource, { readonly kind: 'file' | 'url' | 'stored' | 'box' }>

export const files: Opener<FileSource> = {
  inspect: async (source, signal) => {
    const bundle = await peekModel(source, signal)
    return findForm(bundle).inspect(bundle)
  },

  open: async (source, { keep, letGo, ...options }) => {
    // Files that cannot be used are refused before the model that is loaded goes and before anything is downloaded.
    await files.inspect(source, options.signal)
    const bundle = await fetchWhole(source, keep, options)
    await letGo()
    return findForm(bundle).open(bundle, options)
  },
}
