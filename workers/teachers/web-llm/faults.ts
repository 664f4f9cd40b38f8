// Knows: what WebLLM's errors are called and what each means here, in a sentence. It tells them by name.
// Must not know: the package's classes: a name is all that survives a build.
import { isAbort, RetortError } from '../../../src/protocol/errors.ts'
import { isQuotaError } from '../../../src/storage/quota.ts'

const nameOf = (thrown: unknown): string =>
  thrown instanceof Error || thrown instanceof DOMException ? thrown.name : ''
const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error || thrown instanceof DOMException ? thrown.message : String(thrown)).slice(0, 300)

const LOST = /device.{0,20}(lost|destroyed|removed)|lost.{0,10}device|instance (dropped|reference)/i
/** Chromium's and Firefox's words for an answer that is none, and for one that says no. */
const NO_ANSWER =
  /failed to fetch|network ?error|networkerror|load failed|request failed|bad response status|cannot fetch/i

const deviceLost = (model: string, cause: unknown): RetortError =>
  new RetortError(
    'DeviceLost',
    `The graphics card was lost while ${model} was on it, most often because its memory ran out. What was stored is safe. Choose a smaller model or a shorter context, or close other tabs that use it.`,
    { cause },
  )

export type DamagedFile = 'program' | 'configuration'

/** The file that came damaged, where that is what stopped a model from loading. */
export function damagedFileOf(thrown: unknown): DamagedFile | undefined {
  const name = nameOf(thrown)
  return name === 'CompileError' || name === 'LinkError'
    ? 'program'
    : name === 'SyntaxError'
      ? 'configuration'
      : undefined
}

/** What stopped a model from loading, as one of the program's errors. */
export function loadFaultOf(thrown: unknown, model: string): Error {
  if (thrown instanceof RetortError) return thrown
  const message = messageOf(thrown)
  const cause = { cause: thrown }
  const host = /https?:\/\/([^/\s]+)/.exec(message)?.[1]
  if (isQuotaError(thrown) || /quota/i.test(message))
    return new RetortError(
      'StorageFull',
      `${model} could not be kept: this browser’s space for the page is full. What came so far is kept and counts against it. Delete another model, or free disk space, and load it again.`,
      cause,
    )
  switch (nameOf(thrown)) {
    case 'WebGPUNotAvailableError':
    case 'WebGPUNotFoundError':
      return new RetortError(
        'ModelRefused',
        'WebLLM computes on the graphics card alone, by WebGPU, and this browser does not offer it here. A GGUF file works without one.',
        cause,
      )
    case 'ShaderF16SupportError':
      return new RetortError(
        'ModelRefused',
        `${model} computes with numbers of 16 bits, which this browser does not offer on this graphics card. Choose a model whose name has f32 in it.`,
        cause,
      )
    case 'FeatureSupportError':
      return new RetortError(
        'ModelRefused',
        `${model} needs a part of WebGPU that is not offered here: ${message} Choose a smaller or an older model.`,
        cause,
      )
    case 'ModelNotFoundError':
      return new RetortError(
        'ModelRefused',
        `WebLLM’s catalogue has no model “${model}”. Choose one from its list.`,
        cause,
      )
    case 'IntegrityError':
      return new RetortError(
        'DownloadFailed',
        `A file of ${model} is not the one it should be. Delete what is kept of it and load it again.`,
        cause,
      )
    case 'ArtifactManifestError':
      return new RetortError(
        'ModelRefused',
        `${model} does not fit this machine or this version of WebLLM: ${message}`,
        cause,
      )
    case 'DeviceLostError':
      return deviceLost(model, thrown)
    case 'CompileError':
    case 'LinkError':
      return new RetortError(
        'DownloadFailed',
        `The program that runs ${model} came damaged, or is of another version of WebLLM. It was deleted here: load the model again to fetch it anew.`,
        cause,
      )
  }
  if (LOST.test(message)) return deviceLost(model, thrown)
  if (/unable to find a compatible gpu/i.test(message))
    return new RetortError(
      'ModelRefused',
      'The browser knows WebGPU, but it offers no graphics adapter on this machine. A GGUF file works without one.',
      cause,
    )
  if (/cannot initialize runtime because of requested/i.test(message))
    return new RetortError(
      'ModelRefused',
      `This graphics card is too small for WebLLM: ${message.replace(/^.*?because of /i, '').trim()} A GGUF file works on the processor.`,
      cause,
    )
  if (/out of memory|allocation failed|bad_alloc/i.test(message))
    return new RetortError(
      'OutOfMemory',
      `The memory ran out while ${model} was loaded. Choose a smaller model or a shorter context, or close other tabs.`,
      cause,
    )
  if (nameOf(thrown) === 'NetworkError' || NO_ANSWER.test(message))
    return new RetortError(
      'DownloadFailed',
      `${model} could not be downloaded: ${host ?? 'its host'} did not give all of its files. What came whole is kept; load it again to go on.`,
      cause,
    )
  if (nameOf(thrown) === 'SyntaxError')
    return new RetortError(
      'DownloadFailed',
      `A file that describes ${model} came damaged. It was deleted here: load the model again to fetch it anew. If that does not help, delete what is kept of it in WebLLM’s list.`,
      cause,
    )
  return new RetortError(
    'Unexpected',
    `WebLLM could not load ${model}: ${message || 'it does not say why'}`,
    cause,
  )
}

/** Errors that concern one row alone: nothing is broken. */
const OF_THE_ROW: ReadonlySet<string> = new Set([
  'ContextWindowSizeExceededError',
  'MessageOrderError',
  'SystemMessageOrderError',
  'UnsupportedRoleError',
  'ContentTypeError',
  'MinValueError',
  'GrammarMatcherInitError',
])

/** Why one row cannot be worked on, as a sentence; undefined where the fault is not the row's. */
export function refusalOfFault(thrown: unknown, contextLength: number): string | undefined {
  const name = nameOf(thrown)
  if (!OF_THE_ROW.has(name)) return undefined
  const message = messageOf(thrown)
  if (name === 'ContextWindowSizeExceededError') {
    const tokens = /(\d+)/.exec(message)?.[1]
    return `The prompt has ${tokens ?? 'more'} tokens, and the context holds ${contextLength}. Shorten it or load the model with a longer context.`
  }
  if (name === 'SystemMessageOrderError') return 'WebLLM takes a system message as the first of a chat only.'
  if (name === 'MessageOrderError') return 'WebLLM answers a chat whose last message is the user’s only.'
  if (name === 'GrammarMatcherInitError')
    return `The form that the answer is to be held to cannot be used: ${causeOf(thrown) ?? message}. Correct the schema or the grammar.`
  return `WebLLM does not take this request: ${message.replace(/[.\s]*$/, '')}.`
}

const causeOf = (thrown: unknown): string | undefined => {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  return cause === undefined ? undefined : messageOf(cause).replace(/[.\s]*$/, '')
}

/** What ended a call for all rows. `loaded`: the model is still there; WebLLM lets it go by itself when its graphics card is lost. */
export function callFaultOf(thrown: unknown, model: string, loaded: boolean): Error {
  if (thrown instanceof RetortError) return thrown
  if (!loaded || nameOf(thrown) === 'DeviceLostError' || isAbort(thrown) || LOST.test(messageOf(thrown)))
    return deviceLost(model, thrown)
  return new RetortError('Unexpected', `WebLLM failed while ${model} was asked: ${messageOf(thrown)}`, {
    cause: thrown,
  })
}
