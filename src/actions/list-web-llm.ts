// Knows: WebLLM's models with what is stored of each. Opening the list fetches the catalogue, but not WebLLM itself.
import type { WebLlmDownload, WebLlmModel } from '../domain/web-llm.ts'
import type * as catalogue from '../pipeline/web-llm/catalogue.ts'
import { folderOf, listWebLlmFiles } from '../storage/web-llm-files.ts'

export interface ListedWebLlmModel extends WebLlmModel {
  readonly download?: WebLlmDownload
}

export type WebLlmCatalogue = typeof catalogue

export const readWebLlmCatalogue = (): Promise<WebLlmCatalogue> => import('../pipeline/web-llm/catalogue.ts')

export async function listWebLlm({
  WEB_LLM_MODELS,
}: Pick<WebLlmCatalogue, 'WEB_LLM_MODELS'>): Promise<readonly ListedWebLlmModel[]> {
  const files = await listWebLlmFiles()
  return WEB_LLM_MODELS.map((model) => {
    const download = files.get(folderOf(model))
    return download === undefined ? model : { ...model, download }
  })
}
