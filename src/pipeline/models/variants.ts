// Knows: which models are among the files of a folder, and which files each of them needs, by file names alone.
// Must not know: where the folder is (a disk, a hub), the contents of the files.
import { plainName } from '../../domain/plain-name.ts'
import type { ModelVariant } from '../../domain/model-source.ts'

/** A file by its path in a folder, such as `onnx/model.onnx`. */
export interface ListedFile {
  readonly path: string
  readonly bytes: number
}

/** Max files per folder, characters of a path, nested folders, and characters of a name. */
export const FOLDER_LIMITS = { files: 2000, pathLength: 400, depth: 8, nameLength: 180 } as const

/** Names that are hidden, or contain what a file system reads as a separator, a drive or a wildcard. */
// oxlint-disable-next-line no-control-regex -- refuses control characters
const UNUSABLE_NAME = /^\.|[. ]$|[\\:*?"<>|%\u0000-\u001f\u007f]/

/** File extensions reserved by the store for incomplete files. */
const RESERVED = /\.(part|tag|retort|tmp)$/i

/**
 * Whether a path can name a stored file on every system: relative, below its folder, no hidden part, nothing that a file system
 * reads as a separator, a drive or a wildcard.
 */
export function isUsablePath(path: string): boolean {
  const parts = path.split('/')
  const isName = (part: string): boolean =>
    part !== '' &&
    part.length <= FOLDER_LIMITS.nameLength &&
    !UNUSABLE_NAME.test(part) &&
    plainName(part) === part
  return (
    path.length <= FOLDER_LIMITS.pathLength &&
    parts.length <= FOLDER_LIMITS.depth &&
    parts.every(isName) &&
    !RESERVED.test(path)
  )
}

/** The files with usable paths, up to 2,000; hidden files and others are skipped. */
export const keepUsable = <F extends { readonly path: string }>(files: readonly F[]): readonly F[] =>
  files.filter(({ path }) => isUsablePath(path)).slice(0, FOLDER_LIMITS.files)

/** Small files next to the weights: configuration and tokenizer. */
const CONFIG_FILES = new Set([
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
  // Of sentence encoders: their parts, and how the vectors of tokens become one.
  'modules.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
])

/** `x-00001-of-00003.gguf`, and the same for safetensors. */
const SPLIT = /^(.*)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$/i

/** Every model among the files, ordered by path. Empty if no file has a known format. */
export function listVariants(listed: readonly ListedFile[]): readonly ModelVariant[] {
  const files = keepUsable(listed)
  const root = rootOf(files)
  const configs = files.filter(({ path }) => CONFIG_FILES.has(within(root, path) ?? ''))
  return [...listGguf(files), ...listSafetensors(files, root, configs), ...listOnnx(files, configs)].toSorted(
    (a, b) => (a.id < b.id ? -1 : 1),
  )
}

/** A folder of a part of a sentence encoder, such as `1_Pooling/`, which has a `config.json` of its own. */
const PART_FOLDER = /(^|\/)\d+_[A-Za-z]+\/$/

/** The folder of `config.json`: the top folder, or the only subfolder that contains it. */
export function rootOf(files: readonly { readonly path: string }[]): string {
  const folders = files
    .map(({ path }) => path)
    .filter((path) => path === 'config.json' || path.endsWith('/config.json'))
    .map((path) => path.slice(0, -'config.json'.length))
    .filter((folder) => !PART_FOLDER.test(folder))
  return folders.length === 1 ? (folders[0] ?? '') : ''
}

const within = (root: string, path: string): string | undefined =>
  path.startsWith(root) ? path.slice(root.length) : undefined
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const variant = (
  form: ModelVariant['form'],
  weights: readonly ListedFile[],
  configs: readonly ListedFile[],
  id = weights[0]?.path,
): ModelVariant[] => {
  if (id === undefined || weights.length === 0) return []
  const all = [...weights, ...configs]
  return [
    { id, form, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), files: all.map(({ path }) => path) },
  ]
}

/** All parts of a split file, in order; empty if one is missing. */
function partsOf(path: string, files: readonly ListedFile[]): readonly ListedFile[] {
  const [, base, , count, ending] = SPLIT.exec(path) ?? []
  const all = Array.from(
    { length: Math.min(Number(count ?? 0), FOLDER_LIMITS.files) },
    (_, i) => `${base}-${String(i + 1).padStart(5, '0')}-of-${count}.${ending}`,
  )
  const found = all.flatMap((part) => files.filter((file) => file.path === part))
  return found.length === all.length ? found : []
}

/** Each GGUF file, or each complete set of parts. Vision projectors (`mmproj`) and importance matrices (`imatrix`) are not language models. */
function listGguf(files: readonly ListedFile[]): ModelVariant[] {
  return files
    .filter(({ path }) => /\.gguf$/i.test(path) && !/mmproj|imatrix/i.test(nameOf(path)))
    .flatMap((file) => {
      const [, base, part] = SPLIT.exec(file.path) ?? []
      if (part === undefined) return variant('gguf', [file], [])
      const whole = `${base}.gguf`
      return part === '00001'
        ? variant(
            'gguf',
            partsOf(file.path, files),
            [],
            files.some(({ path }) => path === whole) ? file.path : whole,
          )
        : []
    })
}

/** The weights with the file names of transformers: one file, or an index and its parts. */
function listSafetensors(
  files: readonly ListedFile[],
  root: string,
  configs: readonly ListedFile[],
): ModelVariant[] {
  const here = files.filter(({ path }) => /^[^/]+$/.test(within(root, path) ?? '/'))
  const single = here.filter(({ path }) => nameOf(path) === 'model.safetensors')
  if (single.length > 0) return variant('safetensors', single, configs)
  const index = here.filter(({ path }) => nameOf(path) === 'model.safetensors.index.json')
  const first = here.find(({ path }) => /^model-00001-of-\d{5}\.safetensors$/.test(nameOf(path)))
  return first === undefined
    ? []
    : variant('safetensors', partsOf(first.path, files), [...index, ...configs], `${root}model.safetensors`)
}

/** Each decoder graph with its weight files. Encoders and the halves of unmerged decoders are skipped. */
function listOnnx(files: readonly ListedFile[], configs: readonly ListedFile[]): ModelVariant[] {
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
      return variant('onnx', [graph, ...data], configs)
    })
}
