// Knows: that wllama generates in this page, and the address of its wasm.
import wasm from './node_modules/@wllama/wllama/esm/wasm/wllama.wasm?url'
import { openWllama } from './wllama.mjs'
import { fetchModel, exposeWriter } from './writer-page.ts'

exposeWriter(async (openOptions) =>
  openWllama(new URL(wasm, location.href).href, await fetchModel(openOptions.file), openOptions),
)
