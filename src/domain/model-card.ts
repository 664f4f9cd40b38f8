// Knows: a model as described before it is loaded, and as recorded with what it wrote or judged.
// Must not know: files, tensors, workers.

/** A model's file format, which decides what runs it. */
export type ModelForm = 'gguf' | 'safetensors' | 'onnx' | 'student' | 'web-llm' | 'endpoint'

/** Bytes of a loaded model, weights and working memory, in each way that it can be loaded. */
export interface MemoryBytes {
  /** As floats on the processor, by onnxruntime-web. */
  readonly wasm: number
  /** On the graphics card; packed weights take as much on the processor. */
  readonly webgpu: number
  /** By this program's own kernels on the processor, with the file's bits. */
  readonly kernels?: number
  /** The same with floats rounded to 8 bits, if it has matrices of floats. */
  readonly rounded?: number
}

/** What a model's files or server report about it before it is loaded. Sizes are absent if the server does not report them. */
export interface ModelCard {
  /** From the file's metadata, else its file name. */
  readonly name: string
  readonly form: ModelForm
  /** Of the file, or of the folder. */
  readonly fileName: string
  readonly fileBytes?: number
  readonly architecture: string
  readonly parameters?: number
  /** Such as `Q4_1`; the type that most weights have. */
  readonly quantisation: string
  /** Tensor types and how many tensors have each. */
  readonly tensorTypes: Readonly<Record<string, number>>
  /** Context length it was trained with. */
  readonly contextLength?: number
  readonly vocabularySize?: number
  readonly layers?: number
  readonly width?: number
  /** Licence as the file names it. */
  readonly licence?: string
  /** The address of its page on a hub, at the commit. */
  readonly origin?: string
  /** Bytes that it takes when loaded: weights and working memory. */
  readonly memoryBytes?: MemoryBytes
  /** Bytes that it takes on the graphics card, for a model that runs only there. */
  readonly graphicsBytes?: number
  /**
   * 16 hexadecimal digits that identify the model in provenance: a hash of its header and samples of its weights, or of what else
   * distinguishes it.
   */
  readonly fingerprint: string
  readonly hasChatTemplate: boolean
  /** What it has that training does not support, as a phrase: “biases”; absent if adapters can be trained on it. */
  readonly untrainable?: string
  /** Whether it reasons before it responds: by a switch, or always. Absent: not as far as its chat template shows. */
  readonly reasoning?: 'switch' | 'always'
  /** What the chat template does, in sentences for people; absent if there is nothing to say. */
  readonly chatNotes?: readonly string[]
}

/** The card of a model whose weights this program reads itself. */
export type SizedCard = ModelCard &
  Required<
    Pick<
      ModelCard,
      'fileBytes' | 'parameters' | 'contextLength' | 'vocabularySize' | 'layers' | 'width' | 'memoryBytes'
    >
  >

export function isSized(card: ModelCard): card is SizedCard {
  const { fileBytes, parameters, contextLength, vocabularySize, layers, width, memoryBytes } = card
  return [fileBytes, parameters, contextLength, vocabularySize, layers, width, memoryBytes].every(
    (size) => size !== undefined,
  )
}

/** Whether a known chat format can take the place of its own chat template: only for models from files. */
export const hasChatFormats = ({ form }: Pick<ModelCard, 'form'>): boolean =>
  form === 'gguf' || form === 'safetensors' || form === 'onnx'

/** The model that wrote or judged a text, as recorded with it. */
export interface ModelRef {
  readonly name: string
  readonly fingerprint: string
  readonly quantisation: string
  readonly licence?: string
  readonly origin?: string
}

export const refOf = (card: ModelCard): ModelRef => ({
  name: card.name,
  fingerprint: card.fingerprint,
  quantisation: card.quantisation,
  ...(card.licence === undefined ? {} : { licence: card.licence }),
  ...(card.origin === undefined ? {} : { origin: card.origin }),
})
