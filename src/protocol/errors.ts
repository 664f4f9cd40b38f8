// Knows: the program's named errors, which keep their name across a thread; the message is a sentence for people.

export const ERROR_NAMES = [
  'ModelRefused',
  'ModelMissing',
  'NotLoaded',
  /** What a request needs and the project does not have yet. */
  'NoSeeds',
  'NoClasses',
  'NoPairs',
  'NoProblems',
  'NoBaseStudent',
  'NoModelChosen',
  /** None of a student's own completions was right before GRPO, which learns from right ones. */
  'NothingToReward',
  'OutOfMemory',
  'DeviceLost',
  'WorkerDied',
  'StartFailed',
  'StorageFull',
  'StorageFailed',
  'DownloadFailed',
  'EngineMissing',
  'Busy',
  'Unexpected',
] as const
export type ErrorName = (typeof ERROR_NAMES)[number]

/** An error whose `message` is a sentence that a person can read. */
export class RetortError extends Error {
  override readonly name: ErrorName
  constructor(name: ErrorName, sentence: string, options?: { cause?: unknown }) {
    super(sentence, options)
    this.name = name
  }
}

/** An error as a message between threads. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
}

/** Anything thrown, as a message; an unknown error becomes `Unexpected`, an abort stays `AbortError`. */
export function toErrorMessage(thrown: unknown): ErrorMessage {
  if (thrown instanceof RetortError) return { name: thrown.name, message: thrown.message }
  if (isAbort(thrown)) return { name: 'AbortError', message: 'Stopped.' }
  return { name: 'Unexpected', message: thrown instanceof Error ? thrown.message : String(thrown) }
}

/** The error of a message. */
export function fromErrorMessage({ name, message }: ErrorMessage): Error {
  if (name === 'AbortError') return new DOMException(message, 'AbortError')
  const known = ERROR_NAMES.find((candidate) => candidate === name)
  return new RetortError(known ?? 'Unexpected', message)
}

export const isAbort = (thrown: unknown): boolean =>
  thrown instanceof DOMException && thrown.name === 'AbortError'

/** The sentence to show for anything thrown. */
export const sentenceOf = (thrown: unknown): string => {
  if (thrown instanceof RetortError) return thrown.message
  if (isAbort(thrown)) return 'Stopped.'
  return `Unexpected error: ${thrown instanceof Error ? thrown.message : String(thrown)}`
}
