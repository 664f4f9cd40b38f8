// Knows: where a model comes from: a file, a folder, an address, a hub, this browser, a server.
import type { ProjectId, StudentId } from './id.ts'

/** One file of a model of several files, with its path among them, such as `onnx/model.onnx`. */
export interface ModelFile {
  readonly path: string
  readonly file: File
}

/** One of the models in a folder or on a hub's page: weights in one precision, with their small files. */
export interface ModelVariant {
  /** The path of its weights, such as `onnx/model_q4.onnx`; for split weights, the path that one file would have. */
  readonly id: string
  readonly form: 'gguf' | 'safetensors' | 'onnx'
  /** Size of all its files. */
  readonly bytes: number
  /** Paths of all its files. */
  readonly files: readonly string[]
}

/** The models on a hub's page. */
export interface HubListing {
  /** Owner and name, such as `HuggingFaceTB/SmolLM2-135M-Instruct`. */
  readonly name: string
  /** The commit that the branch pointed to at the time of the request. */
  readonly commit: string
  readonly licence?: string
  readonly variants: readonly ModelVariant[]
}

/** Where a model comes from. Files cross a thread as handles: nothing is copied. */
export type ModelSource =
  | { readonly kind: 'file'; readonly file: File }
  /** A folder picked from disk, or the parts of a split file. */
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly ModelFile[] }
  /** A GGUF file at an address. */
  | { readonly kind: 'url'; readonly url: string }
  /** A folder on a model hub: the address of the model's page, and which of its models if it has several. */
  | { readonly kind: 'hub'; readonly url: string; readonly variant?: string }
  /** A file or a folder that is stored in this browser. */
  | { readonly kind: 'stored'; readonly name: string }
  /** The built-in teacher: an address on the page's own server, cached for use without a network. */
  | { readonly kind: 'built-in'; readonly url: string }
  /** A student that was trained here. */
  | { readonly kind: 'student'; readonly projectId: ProjectId; readonly studentId: StudentId }
  /** A model of WebLLM's catalogue, by its id there. */
  | { readonly kind: 'web-llm'; readonly model: string }
  /** A program that serves models by OpenAI's protocol; `url` ends before `/chat/completions`. */
  | { readonly kind: 'endpoint'; readonly url: string; readonly model: string; readonly key?: string }

/** A model that has to be downloaded. */
export type RemoteSource = Extract<ModelSource, { readonly kind: 'url' | 'hub' }>
