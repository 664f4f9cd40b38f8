// Knows: WebLLM's errors by name, and the program's error and sentence for each.
// Must not know: the package's classes: only the names survive a build.
import { isAbort, RetortError } from '../../../src/protocol/errors.ts'
import { isQuotaError } from '../../../src/storage/quota.ts'

const nameOf = (thrown: unknown): string =>
  thrown instanceof Error || thrown instanceof DOMException ? thrown.name : ''
const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error || thrown instanceof DOMException ? thrown.message : String(thrown)).slice(0, 300)

const LOST = /device.{0,20}(lost|destroyed|removed)|lost.{0,10}device|instance (dropped|reference)/i
/** Chromium's and Firefox's messages for a missing and for a refused response. */
const NO_RESPONSE =
  /failed to fetch|network ?error|networkerror|load failed|request failed|bad response status|cannot fetch/i

const deviceLost = (model: string, cause: unknown): RetortError =>
  new RetortError(
    'DeviceLost',
    `The graphics card was lost while it ran ${model}, most often because its memory ran out. Stored results are safe. Choose a smaller model or a shorter context, or close other tabs that use it.`,
    { cause },
  )

export type DamagedFile = 'program' | 'configuration'

/** The damaged file, if that is why a model did not load. */
export function damagedFileOf(thrown: unknown): DamagedFile | undefined {
  const name = nameOf(thrown)
  return name === 'CompileError' || name === 'LinkError'
    ? 'program'
    : name === 'SyntaxError'
      ? 'configuration'
      : undefined
}

/** The program's error for a failed load. */
export function loadErrorOf(thrown: unknown, model: string): Error {
  if (thrown instanceof RetortError) return thrown
  const message = messageOf(thrown)
  const cause = { cause: thrown }
  const host = /https?:\/\/([^/\s]+)/.exec(message)?.[1]
  if (isQuotaError(thrown) || /quota/i.test(message))
    return new RetortError(
      'StorageFull',
      `${model} could not be stored: this browser’s space for the page is full. The files so far are stored and take up space. Delete another model, or free disk space, and load it again.`,
      cause,
    )
  switch (nameOf(thrown)) {
    case 'WebGPUNotAvailableError':
    case 'WebGPUNotFoundError':
      return new RetortError(
        'ModelRefused',
        'WebLLM runs only on the graphics card, with WebGPU, which this browser does not support here. A GGUF file works without one.',
        cause,
      )
    case 'ShaderF16SupportError':
      return new RetortError(
        'ModelRefused',
        `${model} computes with 16-bit floats, which this browser does not support on this graphics card. Choose a model whose name has f32 in it.`,
        cause,
      )
    case 'FeatureSupportError':
      return new RetortError(
        'ModelRefused',
        `${model} needs a WebGPU feature that is not supported here: ${message} Choose a smaller or an older model.`,
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
        `A file of ${model} does not have the expected contents. Delete its stored files and load it again.`,
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
        `The program that runs ${model} is damaged, or is of another version of WebLLM. It was deleted here: load the model again to download it again.`,
        cause,
      )
  }
  if (LOST.test(message)) return deviceLost(model, thrown)
  if (/unable to find a compatible gpu/i.test(message))
    return new RetortError(
      'ModelRefused',
      'The browser supports WebGPU, but offers no graphics adapter on this machine. A GGUF file works without one.',
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
      `The memory ran out while ${model} was loading. Choose a smaller model or a shorter context, or close other tabs.`,
      cause,
    )
  if (nameOf(thrown) === 'NetworkError' || NO_RESPONSE.test(message))
    return new RetortError(
      'DownloadFailed',
      `${model} could not be downloaded: ${host ?? 'its host'} did not send all of its files. Complete files are stored; load it again to resume.`,
      cause,
    )
  if (nameOf(thrown) === 'SyntaxError')
    return new RetortError(
      'DownloadFailed',
      `A configuration file of ${model} is damaged. It was deleted here: load the model again to download it again. If that does not help, delete the model’s stored files in WebLLM’s list.`,
      cause,
    )
  return new RetortError(
    'Unexpected',
    `WebLLM could not load ${model}: ${message || 'it gives no reason'}`,
    cause,
  )
}

/** Errors of a single row: the model still works. */
const ROW_ERRORS: ReadonlySet<string> = new Set([
  'ContextWindowSizeExceededError',
  'MessageOrderError',
  'SystemMessageOrderError',
  'UnsupportedRoleError',
  'ContentTypeError',
  'MinValueError',
  'GrammarMatcherInitError',
])

/** Why one row cannot be completed, as a sentence; undefined if the row is not the cause. */
export function refusalOfError(thrown: unknown, contextLength: number): string | undefined {
  const name = nameOf(thrown)
  if (!ROW_ERRORS.has(name)) return undefined
  const message = messageOf(thrown)
  if (name === 'ContextWindowSizeExceededError') {
    const tokens = /(\d+)/.exec(message)?.[1]
    return `The prompt has ${tokens ?? 'more'} tokens, but the context length is ${contextLength}. Shorten it or load the model with a longer context.`
  }
  if (name === 'SystemMessageOrderError')
    return 'WebLLM accepts a system message only as the first message of a chat.'
  if (name === 'MessageOrderError')
    return 'WebLLM responds to a chat only if its last message is from the user.'
  if (name === 'GrammarMatcherInitError')
    return `The output format cannot be used: ${causeOf(thrown) ?? message}. Correct the schema or the grammar.`
  return `WebLLM does not accept this request: ${message.replace(/[.\s]*$/, '')}.`
}

const causeOf = (thrown: unknown): string | undefined => {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  return cause === undefined ? undefined : messageOf(cause).replace(/[.\s]*$/, '')
}

/** The error that ended a call for all rows. `loaded`: the model is still loaded; WebLLM unloads it when the graphics card is lost. */
export function callErrorOf(thrown: unknown, model: string, loaded: boolean): Error {
  if (thrown instanceof RetortError) return thrown
  if (!loaded || nameOf(thrown) === 'DeviceLostError' || isAbort(thrown) || LOST.test(messageOf(thrown)))
    return deviceLost(model, thrown)
  return new RetortError('Unexpected', `WebLLM failed during a request to ${model}: ${messageOf(thrown)}`, {
    cause: thrown,
  })
}
