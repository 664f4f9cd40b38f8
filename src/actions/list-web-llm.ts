// Knows: WebLLM's models with what is kept of each. The catalogue is fetched with the list's first opening, WebLLM itself is not.
import type { WebLlmKept, WebLlmModel } from '../domain/web-llm.ts'
import type * as catalogue from '../pipeline/web-llm/catalogue.ts'
import { folderOf, listWebLlmFiles } from '../storage/web-llm-files.ts'

export interface ListedWebLlmModel extends WebLlmModel {
  readonly kept?: WebLlmKept
}

export type WebLlmCatalogue = typeof catalogue

export const readWebLlmCatalogue = (): Promise<WebLlmCatalogue> => import('../pipeline/web-llm/catalogue.ts')

export async function listWebLlm({
  WEB_LLM_MODELS,
}: Pick<WebLlmCatalogue, 'WEB_LLM_MODELS'>): Promise<readonly ListedWebLlmModel[]> {
  const files = await listWebLlmFiles()
  return WEB_LLM_MODELS.map((model) => {
    const kept = files.get(folderOf(model))
    return kept === undefined ? model : { ...model, kept }
  })
}
