// Knows: the runtime's glue, which makes the wasm module and gives it to onnxruntime-web alone; here it is kept where
// heap-module.ts finds it, under the address of this file. Loaded in place of the glue, so it is plain JavaScript.
const glue = new URL(import.meta.url).searchParams.get('glue')
const { default: make } = await import(
  /* @vite-ignore */ glue ?? 'onnxruntime-web/ort-wasm-simd-threaded.mjs'
)

export default async function makeKept(settings) {
  // In Node the wasm lies beside the glue, not beside this file.
  if (glue === null) delete settings.locateFile
  const made = await make(settings)
  globalThis[Symbol.for(import.meta.url)] = made
  return made
}
