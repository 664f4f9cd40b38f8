// Knows: a GGUF file as a form of model files.
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import type { ModelBundle } from '../bundle.ts'
import { readGgufCard } from '../gguf-card.ts'
import { openGguf } from '../gguf.ts'
import type { FormReader } from './form.ts'

/** A file without siblings is taken for GGUF whatever its name: its header says whether it is. */
export const gguf: FormReader = {
  form: 'gguf',
  recognises: ({ files }) => files.size === 1 || [...files.keys()].some((path) => /\.gguf$/i.test(path)),
  inspect: async (bundle) => (await readGgufCard(onlyFile(bundle))).card,
  open: (bundle, options) => openGguf(onlyFile(bundle), options),
}

function onlyFile({ name, files }: ModelBundle): ByteSource {
  const [first, second] = [...files].filter(([path]) => files.size === 1 || /\.gguf$/i.test(path)).map(([, source]) => source)
  if (first === undefined || second !== undefined) throw new RetortError('ModelRefused', `“${name}” holds several GGUF files. Choose one of them.`)
  return first
}
