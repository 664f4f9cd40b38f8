// Knows: the types of the next file.
import type { OpenOptions, Writer } from './writer.ts'

export function openWllama(wasm: string, model: Blob, openOptions: OpenOptions): Promise<Writer>
