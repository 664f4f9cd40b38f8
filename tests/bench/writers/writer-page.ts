// Knows: how a page offers its program to whoever drives it.
import type { Opening, Writer } from './writer.ts'

declare global {
  var benchOpen: ((opening: Opening) => Promise<string>) | undefined
  var benchWriter: Writer | undefined
}

/** Leaves `open` where the driver finds it. It gives what the program says of itself. */
export function offerWriter(open: (opening: Opening) => Promise<Writer>): void {
  globalThis.benchOpen = async (opening) => {
    globalThis.benchWriter = await open(opening)
    return globalThis.benchWriter.about
  }
}

/** The model's file, as a person's browser has it. */
export async function fetchModel(file: string): Promise<Blob> {
  const response = await fetch(`/models/${file}`)
  if (!response.ok) throw new Error(`/models/${file} was answered with ${response.status}.`)
  return response.blob()
}
