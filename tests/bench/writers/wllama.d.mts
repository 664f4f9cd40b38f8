// Knows: the types of the next file.
import type { Opening, Writer } from './writer.ts'

export function openWllama(wasm: string, model: Blob, opening: Opening): Promise<Writer>
