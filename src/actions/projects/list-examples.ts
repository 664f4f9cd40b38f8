// Knows: which examples ship with the page.
import { parseExampleIndex } from '../../pipeline/example-index.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { PageFiles } from '../models/list-models.ts'

/** An example, as the first screen lists it. */
export interface ListedExample {
  /** Its file name without the extension: the argument of `openExample`. */
  readonly name: string
  readonly title: string
  /** One or two sentences. */
  readonly description: string
  readonly seeds: number
}

/** The examples in the page's index. Throws `DownloadFailed` if the index cannot be fetched or read. */
export async function listExamples(files: PageFiles): Promise<readonly ListedExample[]> {
  const index = parseExampleIndex(await fetchJson(files, 'index.json'))
  if (!index.ok)
    throw new RetortError(
      'DownloadFailed',
      `The list of examples is damaged. ${index.problems[0]?.sentence ?? ''}`,
    )
  return index.value.map(({ file, name, description, seeds }) => ({
    name: file.replace(/\.json$/, ''),
    title: name,
    description,
    seeds,
  }))
}

/** A file of `examples/`. Throws `DownloadFailed` if it cannot be fetched or is not JSON. */
export async function fetchJson({ fetch, page }: PageFiles, file: string): Promise<unknown> {
  const response = await fetch(new URL(`examples/${file}`, page).href).catch(() => undefined)
  if (!response?.ok)
    throw new RetortError(
      'DownloadFailed',
      `The file examples/${file} could not be fetched from this page’s host${response ? ` (${response.status})` : ''}. Reload the page and try again.`,
    )
  try {
    return await response.json()
  } catch {
    throw new RetortError(
      'DownloadFailed',
      `The file examples/${file} is not JSON. Reload the page and try again.`,
    )
  }
}
