// Knows: how a model that WebLLM stored in this browser is deleted.
import type { WebLlmModel } from '../../domain/web-llm.ts'
import { deleteWebLlmFiles } from '../../storage/web-llm-files.ts'
import type { ListedWebLlmModel } from './list-web-llm.ts'

/** A loaded model stays loaded: its weights are on the graphics card by then. */
export async function deleteWebLlm(model: WebLlmModel, all: readonly ListedWebLlmModel[]): Promise<void> {
  const others = all.filter(({ download, address }) => download !== undefined && address !== model.address)
  await deleteWebLlmFiles(model, new Set(others.map(({ library }) => library)))
}
