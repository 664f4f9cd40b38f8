// Knows: that wllama writes in this page and where its wasm lies.
import wasm from './node_modules/@wllama/wllama/esm/wasm/wllama.wasm?url'
import { openWllama } from './wllama.mjs'
import { fetchModel, offerWriter } from './writer-page.ts'

offerWriter(async (opening) =>
  openWllama(new URL(wasm, location.href).href, await fetchModel(opening.file), opening),
)
