// Knows: how a page exposes its program to the benchmark.
import type { OpenOptions, Writer } from './writer.ts'

declare global {
  var benchOpen: ((openOptions: OpenOptions) => Promise<string>) | undefined
  var benchWriter: Writer | undefined
}

/** Exposes `open` to the benchmark; it returns the program's version and settings. */
export function exposeWriter(open: (openOptions: OpenOptions) => Promise<Writer>): void {
  globalThis.benchOpen = async (openOptions) => {
    globalThis.benchWriter = await open(openOptions)
    return globalThis.benchWriter.about
  }
}

/** Downloads the model's file. */
export async function fetchModel(file: string): Promise<Blob> {
  const response = await fetch(`/models/${file}`)
  if (!response.ok) throw new Error(`/models/${file}: HTTP status ${response.status}.`)
  return response.blob()
}
