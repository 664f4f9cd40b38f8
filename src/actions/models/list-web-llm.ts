// Knows: WebLLM's models with what is stored of each. Opening the list fetches the catalogue, but not WebLLM itself.
import type { WebLlmDownload, WebLlmModel } from '../../domain/web-llm.ts'
import type * as catalogue from '../../pipeline/web-llm/catalogue.ts'
import { RetortError } from '../../protocol/errors.ts'
import { folderOf, listWebLlmFiles } from '../../storage/web-llm-files.ts'

export interface ListedWebLlmModel extends WebLlmModel {
  readonly download?: WebLlmDownload
}

export type WebLlmCatalogue = typeof catalogue

/** Throws a RetortError if its file cannot be fetched. */
export async function readWebLlmCatalogue(): Promise<WebLlmCatalogue> {
  try {
    return await import('../../pipeline/web-llm/catalogue.ts')
  } catch (cause) {
    throw new RetortError(
      'DownloadFailed',
      'The list of WebLLM’s models could not be read, because a file of the page could not be fetched. Nothing is lost. Check the connection and try again; if that changes nothing, reload the page.',
      { cause },
    )
  }
}

export async function listWebLlm({
  WEB_LLM_MODELS,
}: Pick<WebLlmCatalogue, 'WEB_LLM_MODELS'>): Promise<readonly ListedWebLlmModel[]> {
  const files = await listWebLlmFiles()
  return WEB_LLM_MODELS.map((model) => {
    const download = files.get(folderOf(model))
    return download === undefined ? model : { ...model, download }
  })
}
