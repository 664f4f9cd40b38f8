// Knows: which models lie among the files of a folder, and which files each of them needs, by their names alone.
// Must not know: where the folder is (a disk, a hub), what is inside the files.
import type { ModelVariant } from '../../domain/model.ts'

/** A file by its place in a folder, such as `onnx/model.onnx`. */
export interface ListedFile {
  readonly path: string
  readonly bytes: number
}

/** Files that are looked at in one folder, letters of a place, and folders within one another. */
export const FOLDER_LIMITS = { files: 2000, letters: 400, depth: 8, nameLetters: 180 } as const

/** Endings that the store gives to what is not whole yet. */
const TAKEN = /\.(part|tag|retort|tmp)$/i

/**
 * Whether a place can be the name of a kept file everywhere: relative, below its folder, no hidden part, nothing that a file system
 * reads as a separator, a drive or a wildcard.
 */
export function isUsablePath(path: string): boolean {
  const parts = path.split('/')
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  const isName = (part: string): boolean =>
    part !== '' &&
    part.length <= FOLDER_LIMITS.nameLetters &&
    !/^\.|[. ]$|[\\:*?"<>|%\u0000-\u001f\u007f]/.test(part)
  return (
    path.length <= FOLDER_LIMITS.letters &&
    parts.length <= FOLDER_LIMITS.depth &&
    parts.every(isName) &&
    !TAKEN.test(path)
  )
}

/** The files whose places can be used, 2,000 at most; hidden ones and those of other form are left out. */
export const keepUsable = <F extends { readonly path: string }>(files: readonly F[]): readonly F[] =>
  files.filter(({ path }) => isUsablePath(path)).slice(0, FOLDER_LIMITS.files)

/** Small files beside the weights that say what they are and how texts become tokens. */
const BESIDE = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
])

/** `x-00001-of-00003.gguf`, and the like of safetensors. */
const SPLIT = /^(.*)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$/i

/** Every model among the files, in the order of their places. None where there is no file of a known form. */
export function listVariants(listed: readonly ListedFile[]): readonly ModelVariant[] {
  const files = keepUsable(listed)
  const root = rootOf(files)
  const beside = files.filter(({ path }) => BESIDE.has(within(root, path) ?? ''))
  return [...listGguf(files), ...listSafetensors(files, root, beside), ...listOnnx(files, beside)].toSorted(
    (a, b) => (a.id < b.id ? -1 : 1),
  )
}

/** The folder of `config.json`: the top one, or the only one below that has it. */
export function rootOf(files: readonly { readonly path: string }[]): string {
  const folders = files
    .map(({ path }) => path)
    .filter((path) => path === 'config.json' || path.endsWith('/config.json'))
    .map((path) => path.slice(0, -'config.json'.length))
  return folders.length === 1 ? (folders[0] ?? '') : ''
}

const within = (root: string, path: string): string | undefined =>
  path.startsWith(root) ? path.slice(root.length) : undefined
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const variant = (
  form: ModelVariant['form'],
  weights: readonly ListedFile[],
  beside: readonly ListedFile[],
  id = weights[0]?.path,
): ModelVariant[] => {
  if (id === undefined || weights.length === 0) return []
  const all = [...weights, ...beside]
  return [
    { id, form, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), files: all.map(({ path }) => path) },
  ]
}

/** A part's siblings, itself among them, in order; none where one is missing. */
function partsOf(path: string, files: readonly ListedFile[]): readonly ListedFile[] {
  const [, base, , count, ending] = SPLIT.exec(path) ?? []
  const all = Array.from(
    { length: Math.min(Number(count ?? 0), FOLDER_LIMITS.files) },
    (_, i) => `${base}-${String(i + 1).padStart(5, '0')}-of-${count}.${ending}`,
  )
  const found = all.flatMap((part) => files.filter((file) => file.path === part))
  return found.length === all.length ? found : []
}

/** Each GGUF file, or each whole row of parts. What sees pictures (`mmproj`) or weighs words for quantising (`imatrix`) is no language model. */
function listGguf(files: readonly ListedFile[]): ModelVariant[] {
  return files
    .filter(({ path }) => /\.gguf$/i.test(path) && !/mmproj|imatrix/i.test(nameOf(path)))
    .flatMap((file) => {
      const [, base, place] = SPLIT.exec(file.path) ?? []
      if (place === undefined) return variant('gguf', [file], [])
      const whole = `${base}.gguf`
      return place === '00001'
        ? variant(
            'gguf',
            partsOf(file.path, files),
            [],
            files.some(({ path }) => path === whole) ? file.path : whole,
          )
        : []
    })
}

/** The weights as transformers names them: one file, or an index and its parts. */
function listSafetensors(
  files: readonly ListedFile[],
  root: string,
  beside: readonly ListedFile[],
): ModelVariant[] {
  const here = files.filter(({ path }) => /^[^/]+$/.test(within(root, path) ?? '/'))
  const single = here.filter(({ path }) => nameOf(path) === 'model.safetensors')
  if (single.length > 0) return variant('safetensors', single, beside)
  const index = here.filter(({ path }) => nameOf(path) === 'model.safetensors.index.json')
  const first = here.find(({ path }) => /^model-00001-of-\d{5}\.safetensors$/.test(nameOf(path)))
  return first === undefined
    ? []
    : variant('safetensors', partsOf(first.path, files), [...index, ...beside], `${root}model.safetensors`)
}

/** Each decoder graph, with the files that hold its weights. Encoders and the halves of unmerged decoders are none. */
function listOnnx(files: readonly ListedFile[], beside: readonly ListedFile[]): ModelVariant[] {
  return files
    .filter(({ path }) =>
      /^(decoder_)?model(_merged)?(_(fp16|fp32|int8|uint8|quantized|q\d\w*|bnb4))?\.onnx$/i.test(
        nameOf(path),
      ),
    )
    .flatMap((graph) => {
      const data = files.filter(
        ({ path }) =>
          path !== graph.path &&
          path.startsWith(graph.path) &&
          /^[._]data(_\d+)?$/.test(path.slice(graph.path.length)),
      )
      return variant('onnx', [graph, ...data], beside)
    })
}
