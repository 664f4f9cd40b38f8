// Knows: a GGUF file, or the parts of a split one, as a form of model files.
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ByteSource } from '../../../src/engine/weights/source.ts'
import type { ModelBundle } from '../bundle.ts'
import { readGgufCard } from '../gguf-card.ts'
import { openGguf } from '../gguf.ts'
import type { FormReader } from './form.ts'

/** A single file that is of no other form is read as GGUF whatever its name: its header shows whether it is. */
export const gguf: FormReader = {
  form: 'gguf',
  recognises: ({ files }) => {
    const paths = [...files.keys()]
    return (
      paths.some((path) => /\.gguf$/i.test(path)) ||
      (paths.length === 1 && !/\.(safetensors|onnx|json)$/i.test(paths[0] ?? ''))
    )
  },
  inspect: async (bundle) => (await readGgufCard(...partsOf(bundle))).card,
  open: (bundle, options) => {
    const [first, others] = partsOf(bundle)
    return openGguf(first, options, others)
  },
}

/** The model's files, the first one and its further parts. */
function partsOf({ name, files }: ModelBundle): readonly [first: ByteSource, others: readonly ByteSource[]] {
  const [first, ...others] = [...files]
    .filter(([path]) => files.size === 1 || /\.gguf$/i.test(path))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (first === undefined)
    throw new RetortError('ModelRefused', `“${name}” has no GGUF file. Choose another folder.`)
  const stem = (path: string): string | undefined => /^(.*)-\d{5}-of-\d{5}\.gguf$/i.exec(path)?.[1]
  if (others.some(([path]) => stem(path) === undefined || stem(path) !== stem(first[0])))
    throw new RetortError(
      'ModelRefused',
      `“${name}” has several GGUF files that are not parts of one model. Choose one of them.`,
    )
  return [first[1], others.map(([, source]) => source)]
}
