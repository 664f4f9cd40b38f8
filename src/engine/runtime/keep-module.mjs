// Knows: the runtime's glue code, which makes the wasm module and passes it to onnxruntime-web alone; this
// wrapper stores it where heap-module.ts finds it, under the address of this file. Loaded in place of the glue,
// so it is plain JavaScript.
const glue = new URL(import.meta.url).searchParams.get('glue')
const { default: make } = await import(
  /* @vite-ignore */ glue ?? 'onnxruntime-web/ort-wasm-simd-threaded.mjs'
)

export default async function makeKept(settings) {
  // In Node the wasm file is next to the glue, not next to this file.
  if (glue === null) delete settings.locateFile
  const made = await make(settings)
  globalThis[Symbol.for(import.meta.url)] = made
  return made
}
